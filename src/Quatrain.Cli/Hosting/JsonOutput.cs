using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Quatrain.Cli.Hosting;

/// <summary>The one machine-readable result of a command run with --json.</summary>
internal static class JsonOutput
{
    // The result goes to a terminal or a file, never into a page: letters of any language stay readable.
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one object, whose members <paramref name="write"/> writes.</summary>
    public static void Write(TextWriter output, Action<Utf8JsonWriter> write) => Write(output, write, Options);

    /// <summary>Writes one of many objects, on a line of its own.</summary>
    public static void WriteLine(TextWriter output, Action<Utf8JsonWriter> write) => Write(output, write, Options with { Indented = false });

    private static void Write(TextWriter output, Action<Utf8JsonWriter> write, JsonWriterOptions options)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, options))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length));
    }

    /// <summary>A number, or null where there is none or it is not finite, which JSON can't say.</summary>
    public static void WriteNumberOrNull(this Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            writer.WriteNumber(name, number);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    /// <summary>Token ids as an array on one line.</summary>
    public static void WriteIds(this Utf8JsonWriter writer, string name, IEnumerable<int> ids)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue($"[{string.Join(',', ids)}]");
    }
}
