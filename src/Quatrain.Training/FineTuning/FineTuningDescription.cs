using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Quatrain.Models.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Training.FineTuning.Instruction;

namespace Quatrain.Training.FineTuning;

/// <summary>What a fine-tuning run is, in its folder's <c>finetuning.json</c>: its task, every option, and what it was begun with.</summary>
/// <typeparam name="TOptions">The options of the task.</typeparam>
/// <param name="Task">The task: classify or instruct.</param>
/// <param name="Options">Every option.</param>
/// <param name="DataHash">SHA-256 of the file of data, to tell whether a run is resumed on the same.</param>
/// <param name="ModelHash">SHA-256 of the weights of the model it started from.</param>
public sealed record FineTuningDescription<TOptions>(string Task, TOptions Options, string DataHash, string ModelHash)
    where TOptions : class
{
    /// <summary>Checks that a run that is resumed has the data it was begun with.</summary>
    /// <exception cref="InvalidDataException">It has not.</exception>
    public void CheckData(string path)
    {
        // Who reads a file that is not there says so.
        if (File.Exists(path) && Fingerprint.OfFile(path) != DataHash)
        {
            throw new InvalidDataException($"'{path}' is not what the run was begun with; restore it, or begin a new run.");
        }
    }

    /// <summary>Checks that a run that is resumed has the model it was begun with.</summary>
    /// <exception cref="InvalidDataException">It has not.</exception>
    public void CheckModel(string hash, string model)
    {
        if (hash != ModelHash)
        {
            throw new InvalidDataException($"The weights of '{model}' are not those that the run was begun with; restore them, or begin a new run.");
        }
    }
}

/// <summary>Reads and writes descriptions of fine-tuning runs.</summary>
internal static class FineTuningFile
{
    private const int MostBytes = 1 << 20;

    // Where a member is absent, generated code leaves nothing in its place rather than its default.
    private static readonly JsonSerializerOptions Complete = new(FineTuningJson.Default.Options) { TypeInfoResolver = FineTuningJson.Default.WithAddedModifier(RequireAll) };

    /// <summary>Reads the description at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidDataException">The file is absent, or no description of a run of that task.</exception>
    public static FineTuningDescription<TOptions> Read<TOptions>(string path, string task, JsonTypeInfo<FineTuningDescription<TOptions>> type)
        where TOptions : class
    {
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"There is no '{path}', so there is no run to resume; leave out --resume to begin one, or name the run's folder with --out.");
        }

        try
        {
            if (new FileInfo(path).Length > MostBytes)
            {
                throw new JsonException();
            }

            FineTuningDescription<TOptions>? read = JsonSerializer.Deserialize(File.ReadAllBytes(path), (JsonTypeInfo<FineTuningDescription<TOptions>>)Complete.GetTypeInfo(type.Type));
            return read is { Options: not null, DataHash: not null, ModelHash: not null } && read.Task == task ? read : throw new JsonException();
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new InvalidDataException($"'{path}' does not describe a run of quatrain finetune {task}; name a folder that it made, or begin a new run.", e);
        }
    }

    /// <summary>Writes <paramref name="description"/> to <paramref name="path"/>.</summary>
    public static void Write<TOptions>(string path, FineTuningDescription<TOptions> description, JsonTypeInfo<FineTuningDescription<TOptions>> type)
        where TOptions : class => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, description, type));

    private static void RequireAll(JsonTypeInfo type)
    {
        foreach (JsonPropertyInfo property in type.Kind == JsonTypeInfoKind.Object ? type.Properties : [])
        {
            property.IsRequired = property.Set is not null;
        }
    }
}

/// <summary>The descriptions as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(FineTuningDescription<ClassifierOptions>), TypeInfoPropertyName = "Classifier")]
[JsonSerializable(typeof(FineTuningDescription<InstructionOptions>), TypeInfoPropertyName = "Instruction")]
internal sealed partial class FineTuningJson : JsonSerializerContext;

/// <summary>Tells data and weights apart.</summary>
internal static class Fingerprint
{
    /// <summary>SHA-256 of a file.</summary>
    public static string OfFile(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>SHA-256 of all weights of a store, in their order.</summary>
    public static string OfWeights(ParameterStore parameters)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Parameter parameter in parameters.Parameters)
        {
            hash.AppendData(MemoryMarshal.AsBytes(parameter.Tensor.Values));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
