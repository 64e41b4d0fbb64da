using System.Text.Json;

namespace Quatrain.Tokenizers;

/// <summary>Reads the tokenizer of a run folder, whatever its type.</summary>
public static class TokenizerFile
{
    /// <summary>What the file is called in a run folder.</summary>
    public const string FileName = "tokenizer.json";

    // A character tokenizer with every character of Unicode stays below this.
    private const long MaxBytes = 32 << 20;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Reads <paramref name="path"/>, a tokenizer file or a folder with a <c>tokenizer.json</c>.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or of a type not known here; the message says which.</exception>
    /// <exception cref="IOException">The file is absent or can't be read.</exception>
    public static ITokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = Directory.Exists(path) ? Path.Combine(path, FileName) : path;
        ReadOnlyMemory<byte> json = ReadBytes(file);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, Strict);
            return TypeOf(document.RootElement) switch
            {
                CharacterTokenizer.TypeName => CharacterTokenizer.FromJson(document.RootElement),
                string other => throw new InvalidDataException(
                    $"Its type \"{Shorten(other)}\" is not known; this version reads \"{CharacterTokenizer.TypeName}\"."),
            };
        }
        catch (JsonException e)
        {
            string where = e.LineNumber is long line ? $" (line {line + 1})" : "";
            throw new InvalidDataException($"The tokenizer file '{file}' is not valid JSON{where}; restore it from where it was made.", e);
        }
        catch (InvalidOperationException e)
        {
            // What System.Text.Json throws for strings that are not valid Unicode.
            throw new InvalidDataException($"The tokenizer file '{file}' holds text that is not valid Unicode; restore it from where it was made.", e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The tokenizer file '{file}' can't be used: {e.Message}", e);
        }
    }

    private static string TypeOf(JsonElement root) =>
        root.ValueKind == JsonValueKind.Object
        && root.TryGetProperty("type", out JsonElement type)
        && type.ValueKind == JsonValueKind.String
            ? type.GetString()!
            : throw new InvalidDataException($"It does not name its type (\"type\":\"{CharacterTokenizer.TypeName}\").");

    private static ReadOnlyMemory<byte> ReadBytes(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (!stream.CanSeek || stream.Length > MaxBytes)
        {
            throw new InvalidDataException(
                $"'{file}' is not a tokenizer file: it is no ordinary file, or longer than the {MaxBytes >> 20} MiB such a file can have.");
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        bool hasByteOrderMark = bytes is [0xEF, 0xBB, 0xBF, ..];
        return hasByteOrderMark ? bytes.AsMemory(3) : bytes;
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
