namespace Quatrain.Cli.Hosting;

/// <summary>How the user can start this program again, for the commands it suggests.</summary>
internal static class ProgramName
{
    private const string Name = "quatrain";

    /// <summary>The bare name where the path leads to it, otherwise the program's place, as <c>dotnet run</c> builds it.</summary>
    public static string Value { get; } = Find(Environment.ProcessPath, Environment.GetEnvironmentVariable("PATH"), Environment.CurrentDirectory);

    internal static string Find(string? process, string? path, string currentFolder)
    {
        if (process is null || Path.GetFileNameWithoutExtension(process) != Name)
        {
            return Name;
        }

        string folder = Path.GetDirectoryName(process)!;
        if ((path ?? "").Split(Path.PathSeparator).Any(entry => Path.TrimEndingDirectorySeparator(entry) == folder))
        {
            return Name;
        }

        string relative = Path.GetRelativePath(currentFolder, process);
        return relative.Length < process.Length && !relative.StartsWith("..", StringComparison.Ordinal) ? $".{Path.DirectorySeparatorChar}{relative}" : process;
    }
}
