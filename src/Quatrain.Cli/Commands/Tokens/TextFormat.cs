namespace Quatrain.Cli.Commands.Tokens;

/// <summary>How a file holds texts.</summary>
internal static class TextFormat
{
    public const string Text = "text";
    public const string JsonLines = "jsonl";

    /// <summary>Whether the file is JSONL: as <paramref name="format"/> says, else by its ending.</summary>
    /// <exception cref="InvalidDataException">There is no such format.</exception>
    public static bool IsJsonLines(string? format, string file) => format switch
    {
        Text => false,
        JsonLines => true,
        null => Path.GetExtension(file).ToUpperInvariant() is ".JSONL" or ".NDJSON",
        _ => throw new InvalidDataException($"--format is '{format}'; it must be {Text} or {JsonLines}."),
    };
}
