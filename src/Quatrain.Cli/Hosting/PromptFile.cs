using System.Text;
using System.Text.Json;

namespace Quatrain.Cli.Hosting;

/// <summary>A prompt and where it stands.</summary>
/// <param name="Where">For messages, such as "Line 3 of 'prompts.txt'".</param>
/// <param name="Text">The prompt.</param>
internal readonly record struct FilePrompt(string Where, string Text);

/// <summary>
/// Prompts from a file or standard input: one a line, or JSON lines whose "prompt" or "text" is the prompt. Empty lines are skipped. A line is in memory only
/// while it is read.
/// </summary>
internal sealed class PromptFile
{
    /// <summary>The name that stands for standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>The most characters a line can have.</summary>
    internal const int MaxLineLength = 1 << 24;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _path;

    /// <exception cref="InvalidDataException">There is no such file.</exception>
    public PromptFile(string path)
    {
        _path = path;
        if (path == StandardInput)
        {
            return;
        }

        if (!File.Exists(path))
        {
            throw new InvalidDataException(
                Directory.Exists(path) ? $"'{path}' is a folder; name a file of prompts." : $"There is no file '{path}'; name a file of prompts, or - for standard input.");
        }

        using FileStream stream = Open();
        CanReadTwice = stream.CanSeek;
    }

    /// <summary>Whether it can be read from its beginning again, as a pipe can't.</summary>
    public bool CanReadTwice { get; }

    private string Name => _path == StandardInput ? "standard input" : $"'{_path}'";

    /// <summary>The prompts in their order.</summary>
    /// <exception cref="InvalidDataException">A line is no prompt; the message says which and why.</exception>
    public IEnumerable<FilePrompt> Read()
    {
        using Stream stream = _path == StandardInput ? Console.OpenStandardInput() : Open();
        using StreamReader reader = new(stream, Strict);
        foreach (FilePrompt prompt in Read(reader, Name, IsJson(Path.GetExtension(_path))))
        {
            yield return prompt;
        }
    }

    /// <summary>The prompts of <paramref name="reader"/>. Where the file's name does not say whether it holds JSON, its first line does.</summary>
    internal static IEnumerable<FilePrompt> Read(TextReader reader, string name, bool? json)
    {
        StringBuilder line = new();
        for (int number = 1; ReadLine(reader, line, $"Line {number} of {name}"); number++)
        {
            if (line.Length == 0)
            {
                continue;
            }

            string where = $"Line {number} of {name}", text = line.ToString();
            json ??= IsPromptObject(text);
            if (json == false)
            {
                yield return new FilePrompt(where, text);
            }
            else if (!string.IsNullOrWhiteSpace(text))
            {
                yield return new FilePrompt(where, FromJson(where, text));
            }
        }
    }

    private static bool? IsJson(string extension) => extension.ToUpperInvariant() switch
    {
        ".JSONL" or ".NDJSON" or ".JSON" => true,
        "" => null,
        _ => false,
    };

    private static bool IsPromptObject(string line)
    {
        try
        {
            FromJson("", line);
            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static string FromJson(string where, string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object
                && (root.TryGetProperty("prompt", out JsonElement prompt) || root.TryGetProperty("text", out prompt))
                && prompt.ValueKind == JsonValueKind.String)
            {
                return prompt.GetString()!;
            }
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{where} is not valid JSON; write one object a line, such as {{\"prompt\": \"Once\"}}.", e);
        }
        catch (InvalidOperationException e)
        {
            // What System.Text.Json throws for an escaped half of a surrogate pair.
            throw new InvalidDataException($"{where} holds text that is not valid Unicode.", e);
        }

        throw new InvalidDataException($"{where} has no text called \"prompt\" or \"text\"; write one object a line, such as {{\"prompt\": \"Once\"}}.");
    }

    /// <summary>Reads as far as the next line end, which is left out; false at the end.</summary>
    internal static bool ReadLine(TextReader reader, StringBuilder line, string where, int most = MaxLineLength)
    {
        line.Clear();
        try
        {
            bool any = false;
            for (int c = reader.Read(); c >= 0; c = reader.Read())
            {
                any = true;
                if (c == '\n')
                {
                    break;
                }

                if (line.Length == most)
                {
                    throw new InvalidDataException(FormattableString.Invariant($"{where} has more than {most:N0} characters; a text that long can't be used."));
                }

                line.Append((char)c);
            }

            if (line.Length > 0 && line[^1] == '\r')
            {
                line.Length--;
            }

            return any;
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidDataException($"{where}, or one soon after it, is not valid UTF-8; convert the text to UTF-8.", e);
        }
    }

    private FileStream Open() => new(_path, FileMode.Open, FileAccess.Read, FileShare.Read);
}
