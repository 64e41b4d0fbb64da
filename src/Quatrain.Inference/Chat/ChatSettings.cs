using System.Text.Json;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Inference.Chat;

/// <summary>How to talk with a model that was trained to follow instructions; kept as <c>chat.json</c> beside its weights.</summary>
public sealed record ChatSettings
{
    /// <summary>The name of the file in a model's folder.</summary>
    public const string FileName = "chat.json";

    private const int Version = 1;
    private const int LargestBytes = 1 << 20;

    // The readers of these files write them too; a name there twice was written by someone else.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>How prompts are written.</summary>
    public required PromptStyle Style { get; init; }

    /// <summary>The system text of conversations that bring none of their own; null for none.</summary>
    public string? System { get; init; }

    /// <summary>The most tokens of a reply, where the caller does not say.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>The settings of the model at <paramref name="path"/>: a folder with a <c>chat.json</c>, or a file beside one; null where there is none.</summary>
    /// <exception cref="InvalidDataException">The file can't be used; the message says why.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static ChatSettings? TryLoad(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string? folder = Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path));
        string file = Path.Combine(folder ?? path, FileName);
        return File.Exists(file) ? Read(file) : null;
    }

    /// <summary>Writes <c>chat.json</c> to <paramref name="folder"/>.</summary>
    /// <exception cref="InvalidDataException">The settings are impossible.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public void Save(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        Validate();
        AtomicFile.Write(Path.Combine(folder, FileName), stream =>
        {
            using Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true });
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            writer.WriteString("style", Style.Name);
            if (System is not null)
            {
                writer.WriteString("system", System);
            }

            writer.WriteNumber("max_tokens", MaxTokens);
            writer.WriteEndObject();
        });
    }

    /// <summary>Checks the values.</summary>
    /// <exception cref="InvalidDataException">One is impossible; the message names it.</exception>
    public void Validate()
    {
        if (System?.Length > 0 && !Style.HasSystem)
        {
            throw new InvalidDataException($"The prompt style '{Style.Name}' has no place for a system text; leave it out, or choose another style.");
        }

        new GenerationOptions { MaxTokens = MaxTokens }.Validate();
    }

    private static ChatSettings Read(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(ReadBounded(path), Strict);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                throw Invalid(path, "it is not a JSON object");
            }

            if (Number(root, "version", path) is var version && version != Version)
            {
                throw Invalid(path, $"its version is {version}, and this program knows version {Version}");
            }

            ChatSettings settings = new()
            {
                Style = PromptStyle.Named(Text(root, "style", path) ?? throw Invalid(path, "style is missing")),
                System = Text(root, "system", path),
                MaxTokens = Number(root, "max_tokens", path),
            };
            settings.Validate();
            return settings;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second is what System.Text.Json throws for strings that are not valid Unicode.
            throw Invalid(path, "it is not valid JSON, or names a setting twice", e);
        }
        catch (InvalidDataException e) when (!e.Message.Contains(path, StringComparison.Ordinal))
        {
            throw Invalid(path, $"{char.ToLowerInvariant(e.Message[0])}{e.Message[1..].TrimEnd('.')}", e);
        }
    }

    private static int Number(JsonElement root, string name, string path) =>
        !root.TryGetProperty(name, out JsonElement element) ? throw Invalid(path, $"{name} is missing")
        : element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) ? value
        : throw Invalid(path, $"{name} is not a whole number");

    private static string? Text(JsonElement root, string name, string path) =>
        !root.TryGetProperty(name, out JsonElement element) ? null
        : element.ValueKind == JsonValueKind.String ? element.GetString()
        : throw Invalid(path, $"{name} is not a text");

    // One byte more than there should be is asked for, so that a file that grows, or has no length, is bounded too.
    private static ReadOnlyMemory<byte> ReadBounded(string path)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        byte[] buffer = new byte[(stream.CanSeek ? Math.Min(stream.Length, LargestBytes) : LargestBytes) + 1];
        int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return length < buffer.Length ? buffer.AsMemory(0, length) : throw Invalid(path, $"it is larger than {buffer.Length - 1:N0} bytes");
    }

    private static InvalidDataException Invalid(string path, string problem, Exception? inner = null) =>
        new($"Cannot use '{path}': {problem}; use the {FileName} that fine-tuning wrote, or name a style with --style and leave the file away.", inner);
}
