using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Gpt2.Sources;

namespace Quatrain.Models.Adapters;

/// <summary>A folder that holds an adapter as PEFT lays it out, apart from its base: adapter_config.json and adapter_model.safetensors.</summary>
public static class AdapterFolder
{
    /// <summary>The file that says of what kind the adapter is, and what its base is.</summary>
    public const string ConfigFileName = "adapter_config.json";

    /// <summary>The file of the adapter's tensors.</summary>
    public const string WeightsFileName = "adapter_model.safetensors";

    /// <summary>What PEFT puts before the name of every tensor.</summary>
    internal const string TensorPrefix = "base_model.model.";

    /// <summary>Whether there is an adapter at <paramref name="path"/>, and no model that could be loaded without it.</summary>
    public static bool IsAt(string path) => File.Exists(Path.Combine(path, ConfigFileName)) && !HuggingFaceSource.HasWeights(path);

    /// <summary>
    /// The path of the base of the adapter at <paramref name="path"/>: <paramref name="baseModel"/> where it is given, else what adapter_config.json names, which is
    /// looked for as a path, beside the adapter, and among the pulled models. Null where there is no adapter.
    /// </summary>
    /// <exception cref="InvalidDataException">A base is given for what is no adapter, the configuration can't be used, or the base is an adapter too.</exception>
    /// <exception cref="FileNotFoundException">The base is not there; the message says what was looked for.</exception>
    public static string? FindBase(string path, string? baseModel = null)
    {
        if (!IsAt(path))
        {
            return baseModel is null
                ? null
                : throw new InvalidDataException($"A base, '{baseModel}', is given for '{path}', which is no adapter; leave it out.");
        }

        string found = baseModel is null ? FindNamed(path, AdapterConfigJson.Read(Path.Combine(path, ConfigFileName)).BaseModel) : ModelPath.Resolve(baseModel);
        return IsAt(found)
            ? throw new InvalidDataException($"The base of the adapter in '{path}' is '{found}', which is an adapter itself; export that with --merge and give the result as the base.")
            : found;
    }

    /// <summary>Writes adapters to <paramref name="folder"/>, which is made where it is absent.</summary>
    /// <remarks>Each file is replaced whole; a configuration that does not belong to the new tensors goes before they come.</remarks>
    /// <param name="folder">The folder to write to.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="baseModel">Their base as a reader is to find it: a path that exists is written in full, anything else, such as gpt2, as it is.</param>
    /// <param name="task">What they are for.</param>
    /// <param name="others">Layers that were trained whole and belong to the adapter, named as in the model: score.weight.</param>
    /// <exception cref="InvalidDataException">A weight is not finite; the files stay as they were.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    public static void Save(
        string folder,
        LoraAdapters adapters,
        string baseModel,
        AdapterTask task = AdapterTask.CausalLanguageModel,
        IReadOnlyList<SafetensorsTensor>? others = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentException.ThrowIfNullOrEmpty(baseModel);
        if (File.Exists(folder))
        {
            throw new IOException($"Cannot save an adapter to '{folder}': it is a file; choose another name for the folder.");
        }

        others ??= [];
        SafetensorsTensor[] tensors =
        [
            .. adapters.Parameters.Parameters.Select(parameter => new SafetensorsTensor(
                parameter.Name, Gpt2Checkpoint.Sizes(parameter.Tensor.Shape), () => parameter.Tensor.Values)),
            .. others.Select(tensor => new SafetensorsTensor(TensorPrefix + tensor.Name, tensor.Shape, tensor.Source)),
        ];
        RequireFinite(folder, tensors);
        Directory.CreateDirectory(folder);
        string[] modules = [.. others.Select(tensor => tensor.Name[..Math.Max(0, tensor.Name.LastIndexOf('.'))]).Distinct()];
        ReadOnlyMemory<byte> config = AdapterConfigJson.Write(new AdapterDescription(adapters.Config, ModelPath.InFull(baseModel), task, modules));
        string configPath = Path.Combine(folder, ConfigFileName);
        bool isSame = File.Exists(configPath) && File.ReadAllBytes(configPath).AsSpan().SequenceEqual(config.Span);
        if (!isSame)
        {
            File.Delete(configPath);
        }

        SafetensorsWriter.Write(Path.Combine(folder, WeightsFileName), tensors, new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" });
        if (!isSame)
        {
            AtomicFile.Write(configPath, stream => stream.Write(config.Span));
        }
    }

    /// <summary>Opens the base of the adapter at <paramref name="path"/> as if its weights had the adapter merged in.</summary>
    /// <param name="path">The adapter's folder.</param>
    /// <param name="baseModel">The base, as for <see cref="FindBase"/>.</param>
    /// <param name="vocabularySize">The tokens in use, as for <see cref="Gpt2Source.Open"/>.</param>
    /// <exception cref="InvalidDataException">Adapter or base can't be used, or they don't fit.</exception>
    /// <exception cref="IOException">A file is absent or cannot be read.</exception>
    public static Gpt2Source OpenMerged(string path, string? baseModel = null, int? vocabularySize = null)
    {
        using AdapterSource adapter = AdapterSource.Open(path, baseModel);
        adapter.RequireLanguageModel();
        Gpt2Source source = Gpt2Source.Open(adapter.BasePath, vocabularySize);
        try
        {
            return source.Merge(adapter.Read(new Gpt2Model(source.Config, allocate: false).LinearLayers));
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static string FindNamed(string folder, string name)
    {
        if (name.Length == 0)
        {
            throw new InvalidDataException($"The adapter in '{folder}' does not say what its base is; name it with --base.");
        }

        // An absolute path stays what it is.
        string beside = Path.Combine(folder, name);
        if (Path.Exists(beside))
        {
            return beside;
        }

        try
        {
            string found = ModelPath.Resolve(name);
            return Path.Exists(found) ? found : throw Missing(folder, name, null);
        }
        catch (FileNotFoundException error)
        {
            throw Missing(folder, name, error);
        }
    }

    private static FileNotFoundException Missing(string folder, string name, Exception? error) => new(
        $"The base of the adapter in '{folder}' is {TensorText.Quote(name)}, and there is no such file, folder or pulled model; fetch it with 'quatrain pull', or name it with --base.", error);

    private static void RequireFinite(string folder, IEnumerable<SafetensorsTensor> tensors)
    {
        foreach (SafetensorsTensor tensor in tensors)
        {
            foreach (float weight in tensor.Source())
            {
                if (!float.IsFinite(weight))
                {
                    throw new InvalidDataException(
                        $"Cannot save the adapter to '{folder}': '{tensor.Name}' holds {weight}, so its training has diverged; train again with a lower learning rate.");
                }
            }
        }
    }
}
