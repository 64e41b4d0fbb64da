using System.Text.Json;
using System.Text.Unicode;

namespace Quatrain.Inference.Evaluation;

/// <summary>Reads a benchmark's file: JSON lines with the fields of its authors.</summary>
public static class BenchmarkFile
{
    private const int MaxItems = 1_000_000;
    private const int MaxChoices = 100;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary>The items of the file at <paramref name="path"/>, in its order.</summary>
    /// <param name="path">
    /// HellaSwag: <c>ctx</c>, <c>endings</c>, <c>label</c>, and for the harness's definition <c>activity_label</c>, <c>ctx_a</c>, <c>ctx_b</c>.
    /// LAMBADA: <c>context</c> and <c>continuation</c>, or <c>text</c>, whose last word is asked.
    /// </param>
    /// <param name="kind">Which benchmark it is.</param>
    /// <param name="limit">The most items read, from the beginning; 0 for all.</param>
    /// <exception cref="InvalidDataException">The file holds something else; the message names the line.</exception>
    /// <exception cref="IOException">The file is absent or can't be read.</exception>
    public static IReadOnlyList<BenchmarkItem> Read(string path, BenchmarkKind kind, int limit = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        if (!File.Exists(path))
        {
            string problem = Directory.Exists(path) ? $"'{path}' is a folder" : $"There is no file '{path}'";
            throw new FileNotFoundException($"{problem}; name the benchmark's file of JSON lines.", path);
        }

        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        List<BenchmarkItem> items = [];
        int line = 0;
        foreach (ReadOnlyMemory<byte> bytes in JsonLines.Read(stream, path, (number, problem) => Invalid(path, number, problem)))
        {
            line++;
            if (bytes.Span.Trim(" \t\r"u8).IsEmpty)
            {
                continue;
            }

            if (items.Count == MaxItems)
            {
                throw new InvalidDataException($"'{path}' has more than {MaxItems:N0} items; use a part of it, or --limit.");
            }

            items.Add(Item(bytes, kind, path, line));
            if (items.Count == limit)
            {
                break;
            }
        }

        return items.Count > 0 ? items : throw new InvalidDataException($"'{path}' holds no items; name the benchmark's file of JSON lines.");
    }

    /// <summary>The complaint about a line.</summary>
    internal static InvalidDataException Invalid(string path, int line, string problem, Exception? inner = null) =>
        new($"'{path}' can't be used: on line {line} {problem}; name the benchmark's file as its authors made it.", inner);

    private static BenchmarkItem Item(ReadOnlyMemory<byte> bytes, BenchmarkKind kind, string path, int line)
    {
        if (!Utf8.IsValid(bytes.Span))
        {
            throw Invalid(path, line, "there is text that is not valid UTF-8");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes, Strict);
            JsonFields fields = new(document.RootElement, path, line);
            return kind == BenchmarkKind.Lambada ? Lambada(fields) : HellaSwag(fields, kind);
        }
        catch (JsonException e)
        {
            throw Invalid(path, line, "there is no valid JSON object", e);
        }
        catch (InvalidOperationException e)
        {
            // What System.Text.Json throws for strings that are not valid Unicode.
            throw Invalid(path, line, "there is text that is not valid Unicode", e);
        }
    }

    private static BenchmarkItem HellaSwag(JsonFields fields, BenchmarkKind kind)
    {
        bool harness = kind == BenchmarkKind.HellaSwagHarness;
        string context = harness
            ? HarnessText.Context(fields.Text("activity_label"), fields.Text("ctx_a", mayBeAbsent: true), fields.Text("ctx_b", mayBeAbsent: true))
            : fields.Text("ctx");
        string[] endings = fields.Texts("endings", atLeast: 2, atMost: MaxChoices);
        return new BenchmarkItem(
            fields.Line, fields.Name("ind"), context, [.. endings.Select(ending => " " + (harness ? HarnessText.Clean(ending) : ending))],
            fields.Index("label", endings.Length));
    }

    private static BenchmarkItem Lambada(JsonFields fields)
    {
        string name = fields.Name("id");
        if (fields.Has("context"))
        {
            return new BenchmarkItem(fields.Line, name, fields.Text("context"), [" " + fields.Text("continuation").TrimStart(' ')], 0);
        }

        string text = fields.Text("text");
        int space = text.LastIndexOf(' ');
        return space > 0 && space < text.Length - 1
            ? new BenchmarkItem(fields.Line, name, text[..space], [text[space..]], 0)
            : throw Invalid(fields.Path, fields.Line, "text does not end with a space and a word");
    }
}
