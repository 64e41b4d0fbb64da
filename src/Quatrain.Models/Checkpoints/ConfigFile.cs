using System.Text.Json;
using System.Text.Unicode;

namespace Quatrain.Models.Checkpoints;

/// <summary>
/// A JSON file of a model folder, its config.json above all, read field by field. Every complaint is one sentence that names the file and the field.
/// </summary>
public sealed class ConfigFile : IDisposable
{
    private const int LargestBytes = 1 << 20;
    private readonly JsonDocument _document;

    private ConfigFile(string path, JsonDocument document)
    {
        Path = path;
        _document = document;
    }

    /// <summary>The file, as it was asked for.</summary>
    public string Path { get; }

    /// <summary>Reads the file at <paramref name="path"/>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="largestBytes">The most bytes such a file can have.</param>
    /// <exception cref="InvalidDataException">It is larger or not one JSON object with unlike names.</exception>
    /// <exception cref="IOException">It is absent or cannot be read.</exception>
    public static ConfigFile Open(string path, int largestBytes = LargestBytes)
    {
        ReadOnlyMemory<byte> json = ReadBounded(path, largestBytes);
        if (json.Span.StartsWith("\uFEFF"u8))
        {
            json = json["\uFEFF"u8.Length..];
        }

        if (!Utf8.IsValid(json.Span))
        {
            throw Invalid(path, "it is not valid UTF-8");
        }

        try
        {
            JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return new ConfigFile(path, document);
            }

            document.Dispose();
            throw Invalid(path, "it is not a JSON object of settings");
        }
        catch (JsonException error)
        {
            string place = error.LineNumber is long line ? $" near line {line + 1}" : "";
            throw Invalid(path, $"it is not valid JSON{place}, or names a setting twice");
        }
        catch (InvalidOperationException)
        {
            throw Invalid(path, "the name of a setting is not valid Unicode");
        }
    }

    /// <summary>Whether the file has <paramref name="name"/> at all.</summary>
    public bool Has(string name) => _document.RootElement.TryGetProperty(name, out _);

    /// <summary>Whether <paramref name="name"/> is absent or null.</summary>
    public bool IsUnset(string name) =>
        !_document.RootElement.TryGetProperty(name, out JsonElement element) || element.ValueKind == JsonValueKind.Null;

    /// <summary>A whole number that must be there.</summary>
    public int Integer(string name)
    {
        JsonElement element = _document.RootElement.TryGetProperty(name, out JsonElement found)
            ? found
            : throw Invalid(Path, $"{name} is missing");
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value)
            ? value
            : throw WrongType(name, element, "a whole number");
    }

    /// <summary>A number, or <paramref name="absent"/> where the file has none, or null.</summary>
    public float Number(string name, float absent)
    {
        if (!_document.RootElement.TryGetProperty(name, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
        {
            return absent;
        }

        return element.ValueKind == JsonValueKind.Number && element.TryGetSingle(out float value)
            ? value
            : throw WrongType(name, element, "a number");
    }

    /// <summary>A number in double precision, or <paramref name="absent"/> where the file has none, or null.</summary>
    public double DoubleNumber(string name, double absent)
    {
        if (!_document.RootElement.TryGetProperty(name, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
        {
            return absent;
        }

        return element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double value)
            ? value
            : throw WrongType(name, element, "a number");
    }

    /// <summary>True or false, or <paramref name="absent"/> where the file says neither, or null.</summary>
    public bool Flag(string name, bool absent)
    {
        if (!_document.RootElement.TryGetProperty(name, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
        {
            return absent;
        }

        return element.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw WrongType(name, element, "true or false"),
        };
    }

    /// <summary>A text, or <paramref name="absent"/> where the file has none, or null; with no such default it must be there.</summary>
    public string Text(string name, string? absent = null)
    {
        if (!_document.RootElement.TryGetProperty(name, out JsonElement element) || (absent is not null && element.ValueKind == JsonValueKind.Null))
        {
            return absent ?? throw Invalid(Path, $"{name} is missing");
        }

        try
        {
            return element.ValueKind == JsonValueKind.String ? element.GetString()! : throw WrongType(name, element, "a text");
        }
        catch (InvalidOperationException)
        {
            throw Invalid(Path, $"{name} is not valid Unicode");
        }
    }

    /// <summary>Whether <paramref name="name"/> is a text.</summary>
    public bool IsText(string name) => _document.RootElement.TryGetProperty(name, out JsonElement element) && element.ValueKind == JsonValueKind.String;

    /// <summary>Whether <paramref name="name"/> is absent, null, false, or a list or an object of nothing.</summary>
    public bool IsOff(string name) => !_document.RootElement.TryGetProperty(name, out JsonElement element) || element.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Array => element.GetArrayLength() == 0,
        JsonValueKind.Object => element.GetPropertyCount() == 0,
        _ => false,
    };

    /// <summary>A list of at most <paramref name="most"/> texts; empty where the file has none, or null.</summary>
    public string[] Texts(string name, int most)
    {
        if (!_document.RootElement.TryGetProperty(name, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() > most || element.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
        {
            throw WrongType(name, element, $"a list of at most {most} texts");
        }

        try
        {
            return [.. element.EnumerateArray().Select(item => item.GetString()!)];
        }
        catch (InvalidOperationException)
        {
            throw Invalid(Path, $"{name} is not valid Unicode");
        }
    }

    /// <summary>An object, or null where the file has none of that name.</summary>
    public JsonElement? Object(string name) =>
        _document.RootElement.TryGetProperty(name, out JsonElement element) && element.ValueKind == JsonValueKind.Object ? element : null;

    /// <summary>The error for a file whose settings cannot be used.</summary>
    public static InvalidDataException Invalid(string path, string problem) =>
        new($"Cannot use '{path}': {problem}; use the {System.IO.Path.GetFileName(path)} that belongs to the model.");

    /// <summary>Frees the document.</summary>
    public void Dispose() => _document.Dispose();

    private InvalidDataException WrongType(string name, JsonElement element, string wanted) =>
        Invalid(Path, $"{name} is {TensorText.Quote(element.GetRawText())}, not {wanted}");

    // One byte more than there should be is asked for, so that a file that grows, or has no length, is bounded too.
    private static ReadOnlyMemory<byte> ReadBounded(string path, int largestBytes)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        long most = stream.CanSeek ? Math.Min(stream.Length, largestBytes) : largestBytes;
        byte[] buffer = new byte[most + 1];
        int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return length <= most
            ? buffer.AsMemory(0, length)
            : throw Invalid(path, $"it is larger than {most} bytes, so it is no model's configuration");
    }
}
