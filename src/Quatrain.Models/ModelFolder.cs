namespace Quatrain.Models;

/// <summary>The files of a folder that holds a model as Hugging Face lays it out.</summary>
public static class ModelFolder
{
    /// <summary>The file that says which model it is and of what sizes.</summary>
    public const string ConfigFileName = "config.json";

    /// <summary>The file of the weights.</summary>
    public const string WeightsFileName = "model.safetensors";

    /// <summary>The error for a folder without the file <paramref name="name"/>.</summary>
    internal static FileNotFoundException Lacks(string folder, string name) => new(
        $"Cannot load a model from '{folder}': the folder holds no {name}; "
        + "name a folder that a training run has saved to, or a complete download.",
        Path.Combine(folder, name));
}
