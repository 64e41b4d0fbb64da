using System.Text.Json;
using System.Text.Unicode;
using Quatrain.Inference;
using Quatrain.Inference.Chat;

namespace Quatrain.Training.FineTuning.Instruction;

/// <summary>Reads instruction data: one JSON array of entries, or JSON lines, an entry a line.</summary>
/// <remarks>
/// An entry is Alpaca's, <c>{"instruction": ..., "input": ..., "output": ...}</c>, whose input may be absent or empty, or a conversation,
/// <c>{"messages": [{"role": "system" | "user" | "assistant", "content": ...}, ...]}</c>. Other fields are not looked at.
/// </remarks>
public static class InstructionFile
{
    // A document takes up to a few times this while it is read.
    private const int MaxArrayBytes = 1 << 28;
    private const int MaxEntries = 1_000_000;
    private const int MaxMessages = 1000;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    /// <summary>The entries of the file at <paramref name="path"/>, in its order; its first character says which kind it is.</summary>
    /// <exception cref="InvalidDataException">The file holds something else, or an answer is missing or blank; the message names the entry.</exception>
    /// <exception cref="IOException">The file is absent or can't be read.</exception>
    public static IReadOnlyList<InstructionEntry> Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            string problem = Directory.Exists(path) ? $"'{path}' is a folder" : $"There is no file '{path}'";
            throw new FileNotFoundException($"{problem}; name a file of instructions, in JSON or JSON lines.", path);
        }

        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        using Stream stream = file.CanSeek ? file : new MemoryStream(ReadBounded(file, path));
        List<InstructionEntry> entries = BeginsArray(stream) ? ReadArray(stream, path) : ReadLines(stream, path);
        return entries.Count > 0 ? entries : throw new InvalidDataException($"'{path}' holds no entries; name a file of instructions, in JSON or JSON lines.");
    }

    /// <summary>Whether the first character that is no white space begins an array; leaves the stream after a byte order mark, or at its beginning.</summary>
    private static bool BeginsArray(Stream stream)
    {
        Span<byte> buffer = stackalloc byte[4096];
        ReadOnlySpan<byte> beginning = buffer[..stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)];
        ReadOnlySpan<byte> mark = "\uFEFF"u8;
        bool isMarked = beginning.StartsWith(mark);
        stream.Position = isMarked ? mark.Length : 0;
        return beginning[(isMarked ? mark.Length : 0)..].TrimStart(" \t\r\n"u8).StartsWith("["u8);
    }

    private static List<InstructionEntry> ReadArray(Stream stream, string path)
    {
        try
        {
            byte[] bytes = ReadBounded(stream, path);
            if (!Utf8.IsValid(bytes))
            {
                throw new InvalidDataException($"'{path}' holds text that is not valid UTF-8; convert it to UTF-8.");
            }

            using JsonDocument document = JsonDocument.Parse(bytes, Strict);
            if (document.RootElement.GetArrayLength() > MaxEntries)
            {
                throw TooMany(path);
            }

            int number = 0;
            return [.. document.RootElement.EnumerateArray().Select(element => Entry(element, $"Entry {++number} of '{path}'"))];
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' is not valid JSON{(e.LineNumber is { } line ? $" near line {line + 1}" : "")}, or names a field twice; correct it there.", e);
        }
    }

    private static List<InstructionEntry> ReadLines(Stream stream, string path)
    {
        List<InstructionEntry> entries = [];
        int number = 0;
        foreach (ReadOnlyMemory<byte> line in JsonLines.Read(stream, path, (at, problem) => Invalid($"Line {at} of '{path}'", problem)))
        {
            number++;
            if (line.Span.Trim(" \t\r"u8).IsEmpty)
            {
                continue;
            }

            if (entries.Count == MaxEntries)
            {
                throw TooMany(path);
            }

            string where = $"Line {number} of '{path}'";
            if (!Utf8.IsValid(line.Span))
            {
                throw Invalid(where, "there is text that is not valid UTF-8");
            }

            try
            {
                using JsonDocument document = JsonDocument.Parse(line, Strict);
                entries.Add(Entry(document.RootElement, where));
            }
            catch (JsonException e)
            {
                throw Invalid(where, "there is no valid JSON object, or a field twice", e);
            }
        }

        return entries;
    }

    private static InstructionEntry Entry(JsonElement element, string where)
    {
        try
        {
            if (element.ValueKind != JsonValueKind.Object)
            {
                throw Invalid(where, "there is no JSON object");
            }

            return new InstructionEntry(where, element.TryGetProperty("messages", out JsonElement messages) ? Conversation(messages, where) : Alpaca(element, where));
        }
        catch (InvalidOperationException e)
        {
            // What System.Text.Json throws for strings that are not valid Unicode.
            throw Invalid(where, "there is text that is not valid Unicode", e);
        }
    }

    private static ChatTurn[] Alpaca(JsonElement element, string where)
    {
        string input = element.TryGetProperty("input", out JsonElement value) && value.ValueKind != JsonValueKind.Null ? Text(value, where, "input") : "";
        return
        [
            new ChatTurn(TurnRole.User, Filled(element, where, "instruction"), string.IsNullOrWhiteSpace(input) ? "" : input),
            new ChatTurn(TurnRole.Assistant, Filled(element, where, "output")),
        ];
    }

    private static ChatTurn[] Conversation(JsonElement messages, string where)
    {
        if (messages.ValueKind != JsonValueKind.Array || messages.GetArrayLength() > MaxMessages)
        {
            throw Invalid(where, $"messages is not an array of at most {MaxMessages} messages");
        }

        int number = 0;
        ChatTurn[] turns = [.. messages.EnumerateArray().Select(message => Turn(message, where, $"message {++number}"))];
        return ChatTurn.OrderProblem(turns, TurnRole.Assistant) is { } problem ? throw Invalid(where, problem) : turns;
    }

    private static ChatTurn Turn(JsonElement message, string where, string name)
    {
        if (message.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(where, $"{name} is not a JSON object");
        }

        TurnRole role = Filled(message, where, "role", name) switch
        {
            "system" => TurnRole.System,
            "user" => TurnRole.User,
            "assistant" => TurnRole.Assistant,
            _ => throw Invalid(where, $"the role of {name} is none of system, user and assistant"),
        };
        return new ChatTurn(role, Filled(message, where, "content", name));
    }

    private static string Filled(JsonElement element, string where, string name, string? of = null)
    {
        string field = of is null ? name : $"the {name} of {of}";
        if (!element.TryGetProperty(name, out JsonElement value))
        {
            throw Invalid(where, $"{field} is missing");
        }

        string text = Text(value, where, field);
        return string.IsNullOrWhiteSpace(text) ? throw Invalid(where, $"{field} is empty") : text;
    }

    private static string Text(JsonElement value, string where, string field) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Invalid(where, $"{field} is not a text");

    private static byte[] ReadBounded(Stream stream, string path)
    {
        using MemoryStream whole = new();
        byte[] buffer = new byte[1 << 16];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
        {
            if (whole.Length + read > MaxArrayBytes)
            {
                throw new InvalidDataException($"'{path}' has more than {MaxArrayBytes:N0} bytes and is read at once; write it to a file of JSON lines, an entry a line, or use a part of it.");
            }

            whole.Write(buffer, 0, read);
        }

        return whole.ToArray();
    }

    private static InvalidDataException TooMany(string path) => new($"'{path}' has more than {MaxEntries:N0} entries; use a part of it.");

    private static InvalidDataException Invalid(string where, string problem, Exception? inner = null) =>
        new($"{where} can't be used: {problem}; correct the entry or take it out.", inner);
}
