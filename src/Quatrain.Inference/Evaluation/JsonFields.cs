using System.Globalization;
using System.Text.Json;

namespace Quatrain.Inference.Evaluation;

/// <summary>The fields of one line's JSON object; every complaint names file, line and field.</summary>
internal readonly struct JsonFields
{
    private readonly JsonElement _object;

    public JsonFields(JsonElement element, string path, int line)
    {
        (_object, Path, Line) = (element, path, line);
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Invalid("there is no JSON object");
        }
    }

    public string Path { get; }

    public int Line { get; }

    public bool Has(string name) => _object.TryGetProperty(name, out _);

    /// <summary>A text; one that may be absent is empty then.</summary>
    public string Text(string name, bool mayBeAbsent = false)
    {
        if (!_object.TryGetProperty(name, out JsonElement element))
        {
            return mayBeAbsent ? "" : throw Invalid($"{name} is missing");
        }

        string text = element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Invalid($"{name} is not a text");
        return mayBeAbsent || text.Any(c => !char.IsWhiteSpace(c)) ? text : throw Invalid($"{name} is empty");
    }

    /// <summary>An array of texts, none of which is empty.</summary>
    public string[] Texts(string name, int atLeast, int atMost)
    {
        if (!_object.TryGetProperty(name, out JsonElement element))
        {
            throw Invalid($"{name} is missing");
        }

        if (element.ValueKind != JsonValueKind.Array || element.GetArrayLength() < atLeast || element.GetArrayLength() > atMost)
        {
            throw Invalid($"{name} is not an array of {atLeast} to {atMost} texts");
        }

        string[] texts = new string[element.GetArrayLength()];
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = element[i].ValueKind == JsonValueKind.String ? element[i].GetString()! : throw Invalid($"{name}[{i}] is not a text");
            if (string.IsNullOrWhiteSpace(texts[i]))
            {
                throw Invalid($"{name}[{i}] is empty");
            }
        }

        return texts;
    }

    /// <summary>A whole number in [0, count), as a number or, as some copies have it, as a text.</summary>
    public int Index(string name, int count)
    {
        if (!_object.TryGetProperty(name, out JsonElement element))
        {
            throw Invalid($"{name} is missing");
        }

        string digits = element.ValueKind switch
        {
            JsonValueKind.Number => element.GetRawText(),
            JsonValueKind.String => element.GetString()!,
            _ => "",
        };
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < count
            ? index
            : throw Invalid($"{name} is not a whole number from 0 to {count - 1}");
    }

    /// <summary>A number or text that names the item, or its line where there is none.</summary>
    public string Name(string name) => _object.TryGetProperty(name, out JsonElement element) && element.ValueKind is JsonValueKind.Number or JsonValueKind.String
        ? element.ToString()
        : Line.ToString(CultureInfo.InvariantCulture);

    private InvalidDataException Invalid(string problem) => BenchmarkFile.Invalid(Path, Line, problem);
}
