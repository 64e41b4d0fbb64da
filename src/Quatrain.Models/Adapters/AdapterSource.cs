using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.PyTorch;
using Quatrain.Models.Layers;
using Quatrain.Tensors;

namespace Quatrain.Models.Adapters;

/// <summary>An adapter folder that is open: its description, its tensors, and where its base lies.</summary>
public sealed class AdapterSource : IDisposable
{
    private const string PyTorchFileName = "adapter_model.bin";

    private readonly ITensorFile _file;

    private AdapterSource(string path, AdapterDescription description, string basePath, ITensorFile file) =>
        (Path, Description, BasePath, _file) = (path, description, basePath, file);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>What its configuration says.</summary>
    public AdapterDescription Description { get; }

    /// <summary>Where its base is: a folder or a file.</summary>
    public string BasePath { get; }

    /// <summary>Opens the adapter in the folder <paramref name="path"/>.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="baseModel">Its base, as for <see cref="AdapterFolder.FindBase"/>.</param>
    /// <exception cref="InvalidDataException">Its configuration or its file of tensors can't be used.</exception>
    /// <exception cref="IOException">A file, or its base, is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    public static AdapterSource Open(string path, string? baseModel = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        AdapterDescription description = AdapterConfigJson.Read(System.IO.Path.Combine(path, AdapterFolder.ConfigFileName));
        string basePath = AdapterFolder.FindBase(path, baseModel) ?? throw new InvalidDataException($"'{path}' holds a whole model, so it is no adapter; use it without a base.");
        return new AdapterSource(path, description, basePath, OpenTensors(path));
    }

    /// <summary>Reads the adapters of the layers that the configuration means; there must be a tensor for each and no other.</summary>
    /// <param name="layers">The linear layers of the base.</param>
    /// <exception cref="InvalidDataException">Layers, shapes and tensors don't fit, or a number is not finite; the message says which.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    public LoraAdapters Read(IReadOnlyList<Linear> layers)
    {
        LoraAdapters adapters = new(layers, Description.Lora);
        try
        {
            // A model without a head has its blocks one name higher.
            string prefix = _file.Entries.Any(entry => entry.Name.StartsWith(LoraAdapters.NamePrefix, StringComparison.Ordinal))
                ? LoraAdapters.NamePrefix
                : AdapterFolder.TensorPrefix;
            IReadOnlyDictionary<string, TensorEntry> entries = TensorInventory.Check(
                _file,
                adapters.Parameters.Parameters.Select(parameter => (NameInFile(parameter, prefix), Gpt2.Gpt2Checkpoint.Sizes(parameter.Tensor.Shape))),
                name => IsOther(name),
                optionalPrefix: "");
            adapters.Parameters.Allocate();
            foreach (Parameter parameter in adapters.Parameters.Parameters)
            {
                _file.ReadFiniteFloats(entries[NameInFile(parameter, prefix)], parameter.Tensor.Values);
            }

            return adapters;
        }
        catch
        {
            adapters.Dispose();
            throw;
        }
    }

    /// <summary>Reads a tensor of a layer that was trained whole, for example score.weight.</summary>
    /// <param name="name">Its name in the model.</param>
    /// <param name="shape">The shape it must have.</param>
    /// <param name="destination">Overwritten; one float an element.</param>
    /// <exception cref="InvalidDataException">It is absent, of another shape or not finite.</exception>
    public void ReadOther(string name, ReadOnlySpan<long> shape, Span<float> destination)
    {
        if (!_file.TryGet(AdapterFolder.TensorPrefix + name, out TensorEntry? entry))
        {
            throw new InvalidDataException($"Cannot load '{_file.Path}': it lacks '{name}'; use an adapter that was saved with it.");
        }

        if (!entry.Shape.AsSpan().SequenceEqual(shape) || !entry.IsReadableAsFloats)
        {
            throw new InvalidDataException(
                $"Cannot load '{_file.Path}': '{name}' is {entry.TypeName} {TensorText.Shape(entry.Shape)}, not floats {TensorText.Shape(shape)}; use the adapter that belongs to the model.");
        }

        _file.ReadFiniteFloats(entry, destination);
    }

    /// <summary>The tensors of layers that were trained whole, by their names in the model.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Others => _file.Entries
        .Where(entry => IsOther(entry.Name))
        .ToDictionary(entry => entry.Name[AdapterFolder.TensorPrefix.Length..], StringComparer.Ordinal);

    /// <summary>Refuses an adapter that more belongs to than a language model has.</summary>
    internal void RequireLanguageModel()
    {
        if (Description.Task != AdapterTask.CausalLanguageModel || Others.Count > 0)
        {
            throw new InvalidDataException(
                $"The adapter in '{Path}' is a classifier's or brings layers of its own ({string.Join(", ", Others.Keys.Take(3).DefaultIfEmpty("none"))}), "
                + "so its base with it is no language model; use an adapter for a language model.");
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static ITensorFile OpenTensors(string folder)
    {
        string path = System.IO.Path.Combine(folder, AdapterFolder.WeightsFileName), old = System.IO.Path.Combine(folder, PyTorchFileName);
        return File.Exists(path) ? SafetensorsFile.Open(path)
            : File.Exists(old) ? PyTorchFile.Open(old)
            : throw new FileNotFoundException($"The adapter in '{folder}' has no {AdapterFolder.WeightsFileName}; name the folder of a complete adapter.", path);
    }

    private static string NameInFile(Parameter parameter, string prefix) => prefix + parameter.Name[LoraAdapters.NamePrefix.Length..];

    private bool IsOther(string name) => Description.SavedModules.Any(module =>
        module.Length > 0 && name.StartsWith($"{AdapterFolder.TensorPrefix}{module}.", StringComparison.Ordinal));
}
