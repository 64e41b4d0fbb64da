using Quatrain.Models.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Gpt2;

/// <summary>Saves a GPT-2 to a folder and loads it: config.json and model.safetensors, with the names of the published weights.</summary>
public static class Gpt2Checkpoint
{
    /// <summary>
    /// Writes the model's configuration and weights, as F32, to <paramref name="folder"/>, which is made where it is
    /// absent.
    /// </summary>
    /// <remarks>
    /// Each file is replaced whole, so a crash while a run saves once more leaves the last good pair. Where the folder holds a model of
    /// another configuration, that configuration goes first: a crash then leaves a folder that cannot be loaded rather than one that loads
    /// wrongly.
    /// </remarks>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="model">The model to save.</param>
    /// <param name="metadata">Notes for the head of the weights file, or null. The note format = pt, which other readers ask for, is
    /// added.</param>
    /// <exception cref="InvalidDataException">A weight is not finite; the files stay as they were.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    public static void Save(string folder, Gpt2Model model, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(model);
        if (File.Exists(folder))
        {
            throw new IOException($"Cannot save a model to '{folder}': it is a file; choose another name for the folder.");
        }

        RequireFinite(folder, model.Parameters);
        Directory.CreateDirectory(folder);
        string configPath = Path.Combine(folder, ModelFolder.ConfigFileName);
        if (File.Exists(configPath) && !Holds(configPath, model.Config))
        {
            File.Delete(configPath);
        }

        Dictionary<string, string> notes = new(StringComparer.Ordinal) { ["format"] = "pt" };
        foreach ((string name, string value) in metadata ?? new Dictionary<string, string>())
        {
            notes[name] = value;
        }

        SafetensorsWriter.Write(
            Path.Combine(folder, ModelFolder.WeightsFileName),
            [.. model.Parameters.Parameters.Select(parameter => new SafetensorsTensor(
                parameter.Name, Sizes(parameter.Tensor.Shape), () => parameter.Tensor.Values))],
            notes);
        Gpt2ConfigJson.Write(configPath, model.Config);
    }

    /// <summary>Loads the model at <paramref name="path"/>, a folder or a file.</summary>
    /// <remarks>No memory is taken for the weights before the checkpoint is known to hold every one of them.</remarks>
    /// <param name="path">A folder or a file; what is in it decides the format.</param>
    /// <param name="vocabularySize">The tokens there are, as for <see cref="Gpt2Source.Open"/>.</param>
    /// <param name="dropout">The dropout rate of the model's training from now on, or null for what its configuration says.</param>
    /// <inheritdoc cref="Gpt2Source.Open" path="/exception"/>
    /// <exception cref="InvalidDataException">There is not the memory for the weights and the keys and values of one context.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for the weights.</exception>
    public static Gpt2Model Load(string path, int? vocabularySize = null, float? dropout = null)
    {
        using Gpt2Source source = Gpt2Source.Open(path, vocabularySize);
        Gpt2Memory.CheckDecodingFits(source.Config, Gpt2Memory.WeightBytes(source.Config), path, SystemMemory.AvailableBytes);
        Gpt2Model model = new(dropout is { } rate ? source.Config with { EmbeddingDropout = rate, AttentionDropout = rate, ResidualDropout = rate } : source.Config);
        try
        {
            foreach (Parameter parameter in model.Parameters.Parameters)
            {
                source.ReadWeight(parameter.Name, parameter.Tensor.Values);
            }

            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens the model at <paramref name="path"/> for inference. Weights that lie in the file as they are needed are mapped, so that they take no memory that processes
    /// do not share; the others are converted.
    /// </summary>
    /// <remarks>Vectors and the position embedding stay float32. The file must not be cut short while the model is in use.</remarks>
    /// <param name="path">A folder or a file, as for <see cref="Load"/>.</param>
    /// <param name="format">What the matrices are to be, or null for what the file has: float32, bfloat16 or int8 as it is, anything else as float32.</param>
    /// <param name="pool">Checks and converts the weights.</param>
    /// <param name="vocabularySize">The tokens there are, as for <see cref="Gpt2Source.Open"/>.</param>
    /// <inheritdoc cref="Load" path="/exception"/>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for the weights that are converted.</exception>
    public static Gpt2Model Map(string path, WeightFormat? format, WorkerPool pool, int? vocabularySize = null)
    {
        ArgumentNullException.ThrowIfNull(pool);
        using Gpt2Source source = Gpt2Source.Open(path, vocabularySize);
        Gpt2Model model = new(source.Config, allocate: false);
        try
        {
            Gpt2Mapping.Attach(source, model, format, pool);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static bool Holds(string configPath, Gpt2Config config)
    {
        try
        {
            return Gpt2ConfigJson.Read(configPath) == config;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    internal static void RequireFinite(string folder, ParameterStore parameters)
    {
        foreach (Parameter parameter in parameters.Parameters)
        {
            foreach (float weight in parameter.Tensor.Values)
            {
                if (!float.IsFinite(weight))
                {
                    throw new InvalidDataException(
                        $"Cannot save the model to '{folder}': '{parameter.Name}' holds {weight}, so its training has diverged; "
                        + "go on from an earlier checkpoint with a lower learning rate.");
                }
            }
        }
    }

    internal static long[] Sizes(Shape shape) => [.. Enumerable.Range(0, shape.Rank).Select(i => (long)shape[i])];
}
