using System.Text.Json;
using Quatrain.Tokenizers.BytePair;

namespace Quatrain.Tokenizers;

/// <summary>Reads a tokenizer from a file or a folder, whatever its type.</summary>
/// <remarks>
/// It knows: <c>tokenizer.json</c>, of a run folder or of Hugging Face (byte-level BPE); GPT-2's <c>vocab.json</c> with <c>merges.txt</c>, and
/// <c>encoder.json</c> with <c>vocab.bpe</c>; and tiktoken's <c>*.tiktoken</c>.
/// </remarks>
public static class TokenizerFile
{
    /// <summary>What the file is called in a run folder, and in Hugging Face's.</summary>
    public const string FileName = "tokenizer.json";

    private const string TiktokenEnding = ".tiktoken";

    // A character tokenizer with every character of Unicode stays below this, and so does GPT-2's, twenty times over.
    private const long MaxBytes = 32 << 20;

    private static readonly (string Vocabulary, string Merges)[] Pairs = [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")];

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Whether the folder at <paramref name="path"/> has a tokenizer that <see cref="Load"/> would read.</summary>
    public static bool IsPresent(string path) => FindIn(path) is not null;

    /// <summary>Reads <paramref name="path"/>, a tokenizer file or a folder that holds one.</summary>
    /// <remarks>In a folder the first of the files above is read that is there. Of two files that belong together, either may be named.</remarks>
    /// <exception cref="InvalidDataException">The file is damaged or of a type not known here; the message says which.</exception>
    /// <exception cref="IOException">The file is absent or can't be read.</exception>
    public static ITokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = path;
        if (Directory.Exists(path))
        {
            file = FindIn(path) ?? throw new FileNotFoundException(
                $"'{path}' holds no tokenizer: no {FileName}, no {string.Join(", no ", Pairs.Select(pair => $"{pair.Vocabulary} with {pair.Merges}"))} " +
                $"and no single *{TiktokenEnding}; name a folder or file with one.",
                Path.Combine(path, FileName));
        }
        else if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no tokenizer file or folder '{path}'; check the path.", path);
        }

        string name = Path.GetFileName(file);
        foreach ((string vocabulary, string merges) in Pairs)
        {
            if (name == vocabulary || name == merges)
            {
                string folder = Path.GetDirectoryName(file)!;
                return LoadPair(Path.Combine(folder, vocabulary), Path.Combine(folder, merges));
            }
        }

        return name.EndsWith(TiktokenEnding, StringComparison.OrdinalIgnoreCase)
            ? Read(file, bytes => new BytePairTokenizer(TiktokenFile.Read(bytes.Span)))
            : ReadJson(file, FromJson);
    }

    private static string? FindIn(string folder)
    {
        string json = Path.Combine(folder, FileName);
        if (File.Exists(json))
        {
            return json;
        }

        foreach ((string vocabulary, string merges) in Pairs)
        {
            string file = Path.Combine(folder, vocabulary);
            if (File.Exists(file) && File.Exists(Path.Combine(folder, merges)))
            {
                return file;
            }
        }

        return Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*" + TiktokenEnding).Take(2).ToArray() is [string only] ? only : null;
    }

    private static BytePairTokenizer LoadPair(string vocabularyFile, string mergesFile)
    {
        TokenSpellings tokens = ReadJson(vocabularyFile, bytes => VocabularyFiles.ReadVocabulary(bytes.Span));
        // What is wrong with the two together is said of the merges.
        return Read(mergesFile, bytes => new BytePairTokenizer(BytePairVocabulary.Create(tokens, VocabularyFiles.ReadMerges(bytes.Span), null, null)));
    }

    private static ITokenizer FromJson(ReadOnlyMemory<byte> file)
    {
        TokenizerJsonParts parts = TokenizerJsonParts.Read(file);
        using JsonDocument document = JsonDocument.Parse(parts.Rest, Strict);
        JsonElement root = document.RootElement;
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String)
        {
            return type.ValueEquals(CharacterTokenizer.TypeName)
                ? CharacterTokenizer.FromJson(root)
                : throw new InvalidDataException($"Its type \"{Shorten(type.GetString()!)}\" is not known; this version reads \"{CharacterTokenizer.TypeName}\".");
        }

        return TokenizerJson.Matches(root)
            ? new BytePairTokenizer(TokenizerJson.Read(parts, root))
            : throw new InvalidDataException(
                $"It does not name its type (\"type\":\"{CharacterTokenizer.TypeName}\"), nor has it a \"model\" as Hugging Face's {FileName} has.");
    }

    private static T ReadJson<T>(string file, Func<ReadOnlyMemory<byte>, T> read) => Read(file, bytes =>
    {
        try
        {
            return read(bytes);
        }
        catch (JsonException e)
        {
            string where = e.LineNumber is long line ? $" (line {line + 1})" : " or has two members of one name";
            throw new DamagedFileException($"is not valid JSON{where}; restore it from where it was made", e);
        }
        catch (InvalidOperationException e)
        {
            // What System.Text.Json throws for strings that are not valid Unicode.
            throw new DamagedFileException("holds text that is not valid Unicode; restore it from where it was made", e);
        }
    });

    private static T Read<T>(string file, Func<ReadOnlyMemory<byte>, T> read)
    {
        ReadOnlyMemory<byte> bytes = ReadBytes(file);
        try
        {
            return read(bytes);
        }
        catch (DamagedFileException e)
        {
            throw new InvalidDataException($"The tokenizer file '{file}' {e.Message}.", e);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The tokenizer file '{file}' can't be used: {e.Message}", e);
        }
    }

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

    /// <summary>Says of a file what follows its name.</summary>
    private sealed class DamagedFileException(string message, Exception inner) : Exception(message, inner);
}
