namespace Quatrain.Tests;

/// <summary>Finds the real data some tests need; it lies outside the repository, in a <c>shared/data</c> folder beside the checkout.</summary>
internal static class SharedData
{
    /// <summary>The data folder, or null where there is none. QUATRAIN_SHARED_DATA overrides the search upwards from the tests.</summary>
    public static string? Folder { get; } = Find();

    /// <summary>The full path of a data file, or null where it is absent.</summary>
    public static string? TryFind(string relativePath)
    {
        string? path = Folder is null ? null : Path.Combine(Folder, relativePath);
        return File.Exists(path) ? path : null;
    }

    /// <summary>The full path of a data file that the test's <see cref="SharedDataFactAttribute"/> has made sure of.</summary>
    public static string Get(string relativePath) =>
        TryFind(relativePath) ?? throw new FileNotFoundException($"Shared data file '{relativePath}' is absent; name it in the test's attribute.");

    private static string? Find()
    {
        string? named = Environment.GetEnvironmentVariable("QUATRAIN_SHARED_DATA");
        if (!string.IsNullOrEmpty(named))
        {
            return named;
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "shared", "data");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}

/// <summary>A fact that needs one shared data file and is skipped, saying so, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedDataFactAttribute : FactAttribute
{
    public SharedDataFactAttribute(string relativePath)
    {
        RelativePath = relativePath;
        if (SharedData.TryFind(relativePath) is null)
        {
            Skip = $"needs shared/data/{relativePath}, which is not on this machine";
        }
    }

    public string RelativePath { get; }
}
