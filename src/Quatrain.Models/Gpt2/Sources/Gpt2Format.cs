using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Gpt2.Sources;

/// <summary>Tells by its content which format a model is in, and opens it.</summary>
internal static class Gpt2Format
{
    private const int HeadBytes = 16;

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
        if (HuggingFaceSource.IsAt(folder))
        {
            return HuggingFaceSource.Open(folder);
        }

        throw ModelFolder.Lacks(folder, ModelFolder.ConfigFileName);
    }

    private static Gpt2Parts OpenFile(string path)
    {
        Span<byte> buffer = stackalloc byte[HeadBytes];
        ReadOnlySpan<byte> head = buffer[..ReadHead(path, buffer)];
        if (head.Length > 8 && head[8] == (byte)'{')
        {
            return HuggingFaceSource.OpenSafetensors(path);
        }

        if (head.StartsWith(GgufFile.Magic))
        {
            return GgufSource.Open(path);
        }

        if (head.Length >= sizeof(int) && BinaryPrimitives.ReadInt32LittleEndian(head) == LlmCFile.Magic)
        {
            LlmCFile file = LlmCFile.Open(path);
            return new Gpt2Parts(file.Config, file, Gpt2NameMap.LlmC);
        }

        throw new InvalidDataException(
            $"Cannot load a model from '{path}': it is not in a format that is known; name a folder with {ModelFolder.ConfigFileName} and weights, or a safetensors, GGUF or llm.c file.");
    }

    private static int ReadHead(string path, Span<byte> head)
    {
        using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        int length = 0;
        while (length < head.Length && RandomAccess.Read(handle, head[length..], length) is > 0 and int count)
        {
            length += count;
        }

        return length;
    }
}
