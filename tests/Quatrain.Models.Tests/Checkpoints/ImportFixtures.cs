using Quatrain.Tests;

namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>The files of tests/fixtures/import: one tiny model in every format, and small files that are odd or hostile.</summary>
internal static class ImportFixtures
{
    public static string Path(string name) => System.IO.Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "import", name);

    /// <summary>Copies a folder of fixtures into another, so that it can be damaged there.</summary>
    public static void CopyTo(string name, string folder)
    {
        foreach (string file in Directory.EnumerateFiles(Path(name)))
        {
            File.Copy(file, System.IO.Path.Combine(folder, System.IO.Path.GetFileName(file)), overwrite: true);
        }
    }
}
