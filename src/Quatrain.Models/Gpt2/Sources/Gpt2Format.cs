using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.LlmC;

namespace Quatrain.Models.Gpt2.Sources;

/// <summary>Tells by its content which format a model is in, and opens it.</summary>
internal static class Gpt2Format
{
    /// <summary>The parts of the model at <paramref name="path"/>, a folder or a file of any known format.</summary>
    public static Gpt2Parts Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
        {
            return OpenFolder(path);
        }

        return File.Exists(path) ? OpenFile(path) : throw ModelFile.Absent(path);
    }

    private static Gpt2Parts OpenFolder(string folder)
    {
        if (AdapterFolder.IsAt(folder))
        {
            throw new InvalidDataException($"'{folder}' holds an adapter, which is no model by itself; export it with --merge and use the result.");
        }

        if (HuggingFaceSource.IsAt(folder))
        {
            return HuggingFaceSource.Open(folder);
        }

        if (TensorFlowSource.IsAt(folder))
        {
            return TensorFlowSource.Open(folder);
        }

        throw ModelFolder.Lacks(folder, ModelFolder.ConfigFileName);
    }

    private static Gpt2Parts OpenFile(string path)
    {
        switch (TensorFileContent.FormatOf(path))
        {
            case TensorFileFormat.Safetensors:
                return HuggingFaceSource.OpenSafetensors(path);
            case TensorFileFormat.PyTorch:
                return PyTorchSource.Open(path);
            case TensorFileFormat.Gguf:
                return GgufSource.Open(path);
            case TensorFileFormat.LlmC:
                LlmCFile file = LlmCFile.Open(path);
                return new Gpt2Parts(file.Config, file, Gpt2NameMap.LlmC);
            default:
                throw new InvalidDataException(
                    $"Cannot load a model from '{path}': it is not in a format that is known; name a folder with {ModelFolder.ConfigFileName} and weights, or a safetensors, PyTorch, GGUF or llm.c file.");
        }
    }
}
