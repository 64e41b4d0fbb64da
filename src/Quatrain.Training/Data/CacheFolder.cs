namespace Quatrain.Training.Data;

/// <summary>Where downloads are kept between runs.</summary>
public static class CacheFolder
{
    /// <summary>The environment variable that overrides the folder.</summary>
    public const string Variable = "QUATRAIN_CACHE";

    /// <summary>
    /// The folder: <see cref="Variable"/> if set; else <c>quatrain</c> in the local application data folder on Windows and macOS,
    /// or in <c>$XDG_CACHE_HOME</c> or <c>~/.cache</c> elsewhere.
    /// </summary>
    /// <exception cref="IOException">The user has no such folder.</exception>
    public static string Find() => Find(Environment.GetEnvironmentVariable);

    internal static string Find(Func<string, string?> readVariable)
    {
        if (readVariable(Variable) is { Length: > 0 } named)
        {
            return Path.GetFullPath(named);
        }

        bool hasDataFolder = OperatingSystem.IsWindows() || OperatingSystem.IsMacOS();
        string parent = hasDataFolder ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : readVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
            : readVariable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".cache")
            : "";
        return parent.Length > 0
            ? Path.Combine(parent, "quatrain")
            : throw new IOException($"There is no home folder to keep downloads in; set {Variable} to a folder.");
    }
}
