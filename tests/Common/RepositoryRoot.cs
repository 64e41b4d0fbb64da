namespace Quatrain.Tests;

/// <summary>Finds the repository the tests were built in.</summary>
internal static class RepositoryRoot
{
    /// <summary>The folder that holds Quatrain.slnx.</summary>
    public static string Path { get; } = Find();

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Quatrain.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException(
            $"No folder above '{AppContext.BaseDirectory}' holds Quatrain.slnx; run the tests inside the repository.");
    }
}
