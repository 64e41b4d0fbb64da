using System.IO.Compression;

namespace Quatrain.Models.Tests.Checkpoints.PyTorch;

/// <summary>Takes archives of torch.save apart and puts them together again with the platform's zip writer.</summary>
internal static class TorchZip
{
    public static List<(string Name, byte[] Content)> Members(string path)
    {
        using ZipArchive archive = ZipFile.OpenRead(path);
        return [.. archive.Entries.Select(entry => (entry.FullName, Content(entry)))];
    }

    public static byte[] Join(IEnumerable<(string Name, byte[] Content)> members)
    {
        using MemoryStream stream = new();
        using (ZipArchive archive = new(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in members)
            {
                using Stream entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    /// <summary>The archive with another content for the one member whose name ends so.</summary>
    public static byte[] Replace(string path, string ending, Func<byte[], byte[]> change) =>
        Join(Members(path).Select(member => member.Name.EndsWith(ending, StringComparison.Ordinal) ? (member.Name, change(member.Content)) : member));

    private static byte[] Content(ZipArchiveEntry entry)
    {
        using Stream stream = entry.Open();
        using MemoryStream content = new();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
