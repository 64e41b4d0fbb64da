using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;

namespace Quatrain.Models;

/// <summary>A folder that holds a model: its configuration and its weights, in the files Hugging Face gives them.</summary>
public static class ModelFolder
{
    /// <summary>The file that says which model it is and of what sizes.</summary>
    public const string ConfigFileName = "config.json";

    /// <summary>The file of the weights.</summary>
    public const string WeightsFileName = "model.safetensors";

    /// <summary>Loads the model in the folder at <paramref name="path"/>, of whichever architecture its configuration names.</summary>
    /// <exception cref="InvalidDataException">The architecture is unknown, or configuration or weights cannot be used.</exception>
    /// <exception cref="IOException">The folder or one of its files is absent or cannot be read; the message says what to do.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for the weights.</exception>
    public static ILanguageModel Load(string path)
    {
        RequireFiles(path);
        string modelType = ModelType(Path.Combine(path, ConfigFileName));
        return modelType switch
        {
            Gpt2ConfigJson.ModelType => Gpt2Checkpoint.Load(path),
            _ => throw new InvalidDataException(
                $"Cannot load the model in '{path}': its {ConfigFileName} has the model_type {TensorText.Quote(modelType)}, "
                + $"but only '{Gpt2ConfigJson.ModelType}' is supported; use a GPT-2 model."),
        };
    }

    /// <summary>Throws, with a sentence, where <paramref name="path"/> is not a folder with both files.</summary>
    internal static void RequireFiles(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Directory.Exists(path))
        {
            string problem = File.Exists(path) ? "it is a file" : "there is no such folder";
            throw new DirectoryNotFoundException(
                $"Cannot load a model from '{path}': {problem}; name the folder that holds {ConfigFileName} and {WeightsFileName}.");
        }

        foreach (string name in (ReadOnlySpan<string>)[ConfigFileName, WeightsFileName])
        {
            if (!File.Exists(Path.Combine(path, name)))
            {
                throw new FileNotFoundException(
                    $"Cannot load a model from '{path}': the folder holds no {name}; "
                    + "name a folder that a training run has saved to, or a complete download.",
                    Path.Combine(path, name));
            }
        }
    }

    private static string ModelType(string configPath)
    {
        using ConfigFile file = ConfigFile.Open(configPath);
        return file.Text("model_type");
    }
}
