using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.PyTorch;

namespace Quatrain.Models.Gpt2.Sources;

/// <summary>Opens folders as Hugging Face lays them out: config.json beside the weights.</summary>
internal static class HuggingFaceSource
{
    // The first that is there is taken.
    private static readonly (string Name, Func<string, ITensorFile> Open)[] WeightsFiles =
    [
        (ModelFolder.WeightsFileName, SafetensorsFile.Open),
        ("model.safetensors.index.json", path => ShardedTensorFile.Open(path, SafetensorsFile.Open)),
        ("pytorch_model.bin", PyTorchFile.Open),
        ("pytorch_model.bin.index.json", path => ShardedTensorFile.Open(path, PyTorchFile.Open)),
    ];

    /// <summary>Whether <paramref name="folder"/> has a configuration or weights of such names.</summary>
    public static bool IsAt(string folder) =>
        File.Exists(Path.Combine(folder, ModelFolder.ConfigFileName)) || HasWeights(folder);

    /// <summary>Whether <paramref name="folder"/> has weights of such names.</summary>
    public static bool HasWeights(string folder) => Array.Exists(WeightsFiles, file => File.Exists(Path.Combine(folder, file.Name)));

    /// <summary>The parts of the model in <paramref name="folder"/>.</summary>
    public static Gpt2Parts Open(string folder)
    {
        RequireConfig(folder);
        int index = Array.FindIndex(WeightsFiles, file => File.Exists(Path.Combine(folder, file.Name)));
        if (index < 0)
        {
            throw ModelFolder.Lacks(folder, ModelFolder.WeightsFileName);
        }

        Gpt2Config config = Gpt2ConfigJson.Read(Path.Combine(folder, ModelFolder.ConfigFileName));
        return new Gpt2Parts(config, WeightsFiles[index].Open(Path.Combine(folder, WeightsFiles[index].Name)), Gpt2NameMap.HuggingFace);
    }

    /// <summary>The parts of the model whose weights are the safetensors file at <paramref name="path"/>; its config.json must lie beside it.</summary>
    public static Gpt2Parts OpenSafetensors(string path) => new(ConfigBeside(path), SafetensorsFile.Open(path), Gpt2NameMap.HuggingFace);

    /// <summary>The configuration in the config.json beside the file at <paramref name="path"/>.</summary>
    public static Gpt2Config ConfigBeside(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        RequireConfig(folder);
        return Gpt2ConfigJson.Read(Path.Combine(folder, ModelFolder.ConfigFileName));
    }

    private static void RequireConfig(string folder)
    {
        if (!File.Exists(Path.Combine(folder, ModelFolder.ConfigFileName)))
        {
            throw ModelFolder.Lacks(folder, ModelFolder.ConfigFileName);
        }
    }
}
