using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models;

/// <summary>Loads a model from wherever it is kept: a folder or a single file, of any format that is known.</summary>
public static class ModelFile
{
    /// <summary>
    /// Loads the model at <paramref name="path"/>, of whichever architecture and format it is. Where an adapter is there, its base is loaded, and the adapter attached to it,
    /// to be disposed with it.
    /// </summary>
    /// <param name="path">The folder or the file.</param>
    /// <param name="vocabularySize">The tokens there are, as for <see cref="Gpt2Source.Open"/>.</param>
    /// <param name="baseModel">The base of an adapter, where it is not the one that the adapter names.</param>
    /// <exception cref="InvalidDataException">The architecture or the format is unknown, or configuration or weights cannot be used.</exception>
    /// <exception cref="IOException">The folder or one of its files is absent or cannot be read; the message says what to do.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for the weights.</exception>
    public static ILanguageModel Load(string path, int? vocabularySize = null, string? baseModel = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Open(path, baseModel, found => Gpt2Checkpoint.Load(found, vocabularySize));
    }

    /// <summary>Opens the model at <paramref name="path"/> for inference: what can be is mapped, and nothing of it can be trained.</summary>
    /// <inheritdoc cref="Load" path="/exception"/>
    /// <param name="path">The folder or the file.</param>
    /// <param name="format">What the matrices are to be, as for <see cref="Gpt2Checkpoint.Map"/>; an adapter's stay float32.</param>
    /// <param name="pool">Checks and converts the weights.</param>
    /// <param name="vocabularySize">The tokens there are, as for <see cref="Gpt2Source.Open"/>.</param>
    /// <param name="baseModel">The base of an adapter, as for <see cref="Load"/>.</param>
    public static ILanguageModel Map(string path, WeightFormat? format, WorkerPool pool, int? vocabularySize = null, string? baseModel = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Open(path, baseModel, found => Gpt2Checkpoint.Map(found, format, pool, vocabularySize));
    }

    private static Gpt2Model Open(string path, string? baseModel, Func<string, Gpt2Model> open)
    {
        if (AdapterFolder.FindBase(path, baseModel) is null)
        {
            RequireKnownArchitecture(path);
            return open(path);
        }

        using AdapterSource adapter = AdapterSource.Open(path, baseModel);
        adapter.RequireLanguageModel();
        RequireKnownArchitecture(adapter.BasePath);
        Gpt2Model model = open(adapter.BasePath);
        try
        {
            LoraAdapters adapters = adapter.Read(model.LinearLayers);
            model.Parameters.Own(adapters);
            adapters.Attach(model);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Throws, with a sentence, where there is a configuration at <paramref name="path"/> and it names an architecture that is not known.</summary>
    private static void RequireKnownArchitecture(string path)
    {
        string configPath = Path.Combine(path, ModelFolder.ConfigFileName);
        if (!File.Exists(configPath))
        {
            return;
        }

        using ConfigFile file = ConfigFile.Open(configPath);
        string modelType = file.Text("model_type");
        if (modelType != Gpt2ConfigJson.ModelType)
        {
            throw new InvalidDataException(
                $"Cannot load the model in '{path}': its {ModelFolder.ConfigFileName} has the model_type {TensorText.Quote(modelType)}, "
                + $"but only '{Gpt2ConfigJson.ModelType}' is supported; use a GPT-2 model.");
        }
    }

    /// <summary>The error for a path where there is nothing.</summary>
    internal static DirectoryNotFoundException Absent(string path) => new(
        $"Cannot load a model from '{path}': there is no such folder or file; "
        + ModelPath.Remedy(path, $"name a folder with {ModelFolder.ConfigFileName} and weights, a file of weights, or a model that 'quatrain pull' fetched, such as gpt2"));
}
