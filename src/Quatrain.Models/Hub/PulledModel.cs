namespace Quatrain.Models.Hub;

/// <summary>A model that was pulled.</summary>
/// <param name="Name">Its name and revision.</param>
/// <param name="Commit">The commit that the revision was; 40 hexadecimal digits.</param>
/// <param name="Folder">The folder with its files.</param>
/// <param name="Files">The files that were asked for, with their lengths in bytes.</param>
/// <param name="FetchedBytes">What came over the network; 0 where all was there.</param>
public sealed record PulledModel(HubModelName Name, string Commit, string Folder, IReadOnlyList<(string Name, long ByteCount)> Files, long FetchedBytes)
{
    /// <summary>The length of all files, in bytes.</summary>
    public long ByteCount => Files.Sum(file => file.ByteCount);
}
