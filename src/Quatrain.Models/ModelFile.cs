using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models;

/// <summary>Loads a model from wherever it is kept: a folder or a single file, of any format that is known.</summary>
public static class ModelFile
{
    /// <summary>Loads the model at <paramref name="path"/>, of whichever architecture and format it is.</summary>
    /// <inheritdoc cref="Gpt2Source.Open" path="/param"/>
    /// <exception cref="InvalidDataException">The architecture or the format is unknown, or configuration or weights cannot be used.</exception>
    /// <exception cref="IOException">The folder or one of its files is absent or cannot be read; the message says what to do.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for the weights.</exception>
    public static ILanguageModel Load(string path, int? vocabularySize = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        RequireKnownArchitecture(path);
        return Gpt2Checkpoint.Load(path, vocabularySize);
    }

    /// <summary>Opens the model at <paramref name="path"/> for inference: what can be is mapped, and nothing of it can be trained.</summary>
    /// <inheritdoc cref="Load" path="/exception"/>
    /// <inheritdoc cref="Gpt2Checkpoint.Map" path="/param"/>
    public static ILanguageModel Map(string path, WeightFormat? format, WorkerPool pool, int? vocabularySize = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        RequireKnownArchitecture(path);
        return Gpt2Checkpoint.Map(path, format, pool, vocabularySize);
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
        $"Cannot load a model from '{path}': there is no such folder or file; name a folder with {ModelFolder.ConfigFileName} and weights, a file of weights, or a model that 'quatrain pull' fetched, such as gpt2.");
}
