using System.Text.Json;
using Quatrain.Tokenizers;
using Quatrain.Training.Data;
using Quatrain.Training.Options;

namespace Quatrain.Training.Runs;

/// <summary>What a run is, in its folder's <c>training.json</c>: every option, the data's fingerprint, and the program's version.</summary>
/// <param name="Options">Every option.</param>
/// <param name="DataFingerprint">SHA-256 over the token ids, to tell whether a run is resumed on the same data.</param>
/// <param name="ProgramVersion">The version of Quatrain that began the run.</param>
/// <param name="RecordEnd">What ends a record, where the data are records; generation goes on from there past the context length.</param>
public sealed record RunDescription(TrainingOptions Options, string DataFingerprint, string ProgramVersion, string? RecordEnd)
{
    private const long MaximumBytes = 1 << 20;

    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    /// <summary>Reads it from <paramref name="path"/>.</summary>
    /// <exception cref="InvalidDataException">The file is no description of a run.</exception>
    public static RunDescription Read(string path)
    {
        if (new FileInfo(path).Length > MaximumBytes)
        {
            throw new InvalidDataException($"'{path}' is too long to describe a run; use a folder that quatrain train made.");
        }

        using JsonDocument document = TrainingOptionsJson.ParseDocument(StrictUtf8.Decode(File.ReadAllBytes(path), path), $"'{path}'");
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("options", out JsonElement options))
        {
            throw NoRun(path, "options");
        }

        return new RunDescription(
            TrainingOptionsJson.Parse(options.GetRawText(), $"'{path}'"), Text(root, "data_fingerprint", path), Text(root, "quatrain_version", path),
            root.TryGetProperty("record_end", out JsonElement end) && end.ValueKind == JsonValueKind.String ? end.GetString() : null);
    }

    /// <summary>Writes it as JSON.</summary>
    public void Write(Stream stream)
    {
        using Utf8JsonWriter writer = new(stream, Indented);
        writer.WriteStartObject();
        writer.WritePropertyName("options");
        TrainingOptionsJson.WriteTo(writer, Options);
        writer.WriteString("data_fingerprint", DataFingerprint);
        writer.WriteString("quatrain_version", ProgramVersion);
        writer.WriteString("record_end", RecordEnd);
        writer.WriteEndObject();
    }

    /// <summary>Loads what the run trains on. Where it did not make its tokenizer from the text, that is the one in the run's folder: the run needs no other any more.</summary>
    /// <param name="path">The file this was read from, for the message.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidDataException">The data can't be used, or is no longer what the run was begun with.</exception>
    public async Task<TrainingData> LoadDataAsync(string path, CancellationToken cancellation = default)
    {
        TrainingData data = await TrainingData.LoadAsync(Options, LoadTokenizer(path), cancellation).ConfigureAwait(false);
        return data.Tokens.Fingerprint == DataFingerprint
            ? data
            : throw new InvalidDataException($"The data '{Options.Data}' is not what the run was begun with ('{path}'); restore it, or begin a new run.");
    }

    /// <summary>The tokenizer in the run's folder, or null where it is made from the text.</summary>
    /// <inheritdoc cref="LoadDataAsync" path="/param[@name='path']"/>
    /// <exception cref="InvalidDataException">It is missing or damaged.</exception>
    internal ITokenizer? LoadTokenizer(string path)
    {
        if (Options.Tokenizer == TrainingOptions.CharacterTokens)
        {
            return null;
        }

        string tokenizer = new RunFolder(Path.GetDirectoryName(Path.GetFullPath(path))!).TokenizerPath;
        return File.Exists(tokenizer)
            ? TokenizerFile.Load(tokenizer)
            : throw new InvalidDataException($"The run's tokenizer '{tokenizer}' is missing; restore it, or begin a new run.");
    }

    /// <summary>Checks that a run that is resumed is the run that was begun.</summary>
    /// <param name="wished">The options as the caller wants them now.</param>
    /// <param name="path">The file this was read from, for the message.</param>
    /// <exception cref="InvalidDataException">An option differs; the message names it and both values.</exception>
    public void CheckSameOptions(TrainingOptions wished, string path)
    {
        foreach (OptionKey key in OptionKeys.All)
        {
            string then = key.Format(Options), now = key.Format(wished);
            if (then != now)
            {
                throw new InvalidDataException(
                    $"The run was begun with {key.Name} {then}, not {now} ('{path}'); --resume takes every option from the run, so leave {key.CommandLineName} and what else sets it out, or begin a new run in another --out.");
            }
        }
    }

    private static string Text(JsonElement root, string key, string path) =>
        root.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw NoRun(path, key);

    private static InvalidDataException NoRun(string path, string key) =>
        new($"'{path}' does not describe a run: it has no '{key}'; use a folder that quatrain train made.");
}
