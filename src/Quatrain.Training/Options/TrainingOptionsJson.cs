using System.Buffers;
using System.Text;
using System.Text.Json;
using Quatrain.Models;
using Quatrain.Training.Data;

namespace Quatrain.Training.Options;

/// <summary>Reads training options from JSON and the command line, and writes them.</summary>
/// <remarks>
/// Reading and setting check each value alone; whether the values fit one another is for <see cref="TrainingOptions.Validate"/>,
/// once all of them are set.
/// </remarks>
public static class TrainingOptionsJson
{
    private const int MaximumBytes = 1 << 20;

    /// <summary>The options in the JSON file at <paramref name="path"/>, as <see cref="Parse"/> reads them.</summary>
    /// <exception cref="InvalidDataException">The file is no valid set of options; the message says where.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static TrainingOptions Read(string path, TrainingOptions? start = null)
    {
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"There is no options file at '{path}'; check the path.");
        }

        using FileStream file = File.OpenRead(path);
        if (file.Length > MaximumBytes)
        {
            throw new InvalidDataException($"'{path}' is over {MaximumBytes} bytes, too long for an options file.");
        }

        byte[] bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return Parse(StrictUtf8.Decode(bytes, path), path, start);
    }

    /// <summary>The options in a JSON text; keys that are absent keep their value from <paramref name="start"/>.</summary>
    /// <param name="json">One JSON object; without comments, trailing commas, unknown or repeated keys.</param>
    /// <param name="source">What to call the text in messages, such as its file's path.</param>
    /// <param name="start">The options to start from, the defaults if null; a <c>preset</c> key starts from that preset instead.</param>
    /// <exception cref="InvalidDataException">The text is no valid set of options; the message says where.</exception>
    public static TrainingOptions Parse(string json, string source, TrainingOptions? start = null)
    {
        using JsonDocument document = ParseDocument(json, source);
        try
        {
            return Apply(document.RootElement, source, start ?? new TrainingOptions());
        }
        catch (InvalidOperationException e)
        {
            // All that System.Text.Json says of an escaped half of a surrogate pair.
            throw new InvalidDataException($"{source} holds text that is not valid Unicode; check its \\u escapes.", e);
        }
    }

    /// <summary><paramref name="options"/> with one option changed, as the command line does.</summary>
    /// <param name="options">The options to change.</param>
    /// <param name="name">The option's JSON key or its command-line name, with or without the two dashes.</param>
    /// <param name="value">The value as text; <c>preset</c> replaces all options.</param>
    /// <exception cref="InvalidDataException">There is no such option, or its value is impossible.</exception>
    public static TrainingOptions Set(TrainingOptions options, string name, string value)
    {
        string bare = name.StartsWith("--", StringComparison.Ordinal) ? name[2..] : name;
        OptionKey? key = OptionKeys.Find(bare.Replace('-', '_'));
        if (key is null)
        {
            string hint = Suggestion.DidYouMean("--" + bare.Replace('_', '-'), OptionKeys.All.Select(known => known.CommandLineName));
            throw new InvalidDataException($"Unknown option '{OptionKey.Shorten(name)}'{hint}");
        }

        if (key.Kind == OptionKind.Text && value.Length == 0)
        {
            throw key.Refusal(key.CommandLineName, "''");
        }

        return key.Apply(options, value, key.CommandLineName);
    }

    /// <summary>All options as indented JSON, in the order of <see cref="OptionKeys.All"/>, ending with a newline.</summary>
    public static string Write(TrainingOptions options)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            WriteTo(writer, options);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    /// <summary>Writes all options as one JSON object, for a file that holds more than them.</summary>
    public static void WriteTo(Utf8JsonWriter writer, TrainingOptions options)
    {
        writer.WriteStartObject();
        foreach (OptionKey key in OptionKeys.All)
        {
            writer.WritePropertyName(key.Name);
            string value = key.Format(options);
            if (key.Kind is OptionKind.Text or OptionKind.Choice)
            {
                writer.WriteStringValue(value);
            }
            else
            {
                writer.WriteRawValue(value);
            }
        }

        writer.WriteEndObject();
    }

    internal static JsonDocument ParseDocument(string json, string source)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException e)
        {
            string where = e.LineNumber is { } line ? $" at line {line + 1}, byte {e.BytePositionInLine + 1}" : "";
            throw new InvalidDataException($"{source} is not valid JSON{where}; check commas and quotes there.", e);
        }
    }

    private static TrainingOptions Apply(JsonElement root, string source, TrainingOptions options)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{source} must hold one JSON object, not {Describe(root)}.");
        }

        Dictionary<string, JsonElement> values = [];
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (OptionKeys.Find(property.Name) is null)
            {
                string hint = Suggestion.DidYouMean(property.Name, OptionKeys.All.Select(key => key.Name));
                throw new InvalidDataException($"Unknown option '{OptionKey.Shorten(property.Name)}' in {source}{hint}");
            }

            if (!values.TryAdd(property.Name, property.Value))
            {
                throw new InvalidDataException($"Option '{property.Name}' stands twice in {source}; keep one.");
            }
        }

        // In the table's order, so that the preset comes first wherever it stands in the file.
        foreach (OptionKey key in OptionKeys.All)
        {
            if (values.TryGetValue(key.Name, out JsonElement value))
            {
                string label = $"Option '{key.Name}' in {source}";
                options = key.Apply(options, TextOf(key, value) ?? throw key.Refusal(label, Describe(value)), label);
            }
        }

        return options;
    }

    // Null where the JSON value is not of the option's kind.
    private static string? TextOf(OptionKey key, JsonElement value) => (key.Kind, value.ValueKind) switch
    {
        (OptionKind.Text or OptionKind.Choice, JsonValueKind.String) => value.GetString(),
        (OptionKind.Integer or OptionKind.Number, JsonValueKind.Number) => value.GetRawText(),
        (OptionKind.Boolean, JsonValueKind.True) => "true",
        (OptionKind.Boolean, JsonValueKind.False) => "false",
        _ => null,
    };

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => OptionKey.Shorten(value.GetRawText()),
    };
}
