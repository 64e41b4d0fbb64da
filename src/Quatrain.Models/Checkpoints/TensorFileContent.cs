using System.Buffers.Binary;
using Quatrain.Models.Checkpoints.Gguf;
using Quatrain.Models.Checkpoints.LlmC;
using Quatrain.Models.Checkpoints.PyTorch;

namespace Quatrain.Models.Checkpoints;

/// <summary>What is in a file of tensors, whatever its format and whatever model it is of: for people who want to know.</summary>
public sealed class TensorFileContent : IDisposable
{
    private const int HeadBytes = 16;

    private readonly ITensorFile _file;

    private TensorFileContent(ITensorFile file, IReadOnlyList<KeyValuePair<string, string>> notes) => (_file, Notes) = (file, notes);

    /// <summary>The tensors, in the order of their data.</summary>
    public IReadOnlyList<TensorEntry> Tensors => _file.Entries;

    /// <summary>What the file says besides, by name.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Notes { get; }

    /// <summary>Opens the file at <paramref name="path"/>; what it begins with decides the format.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or its format is not known.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static TensorFileContent Open(string path)
    {
        switch (FormatOf(path))
        {
            case TensorFileFormat.Gguf:
                GgufFile gguf = GgufFile.Open(path);
                return new TensorFileContent(gguf, [.. gguf.Metadata.Described.Select(note => KeyValuePair.Create(note.Key, note.Value))]);
            case TensorFileFormat.PyTorch:
                return new TensorFileContent(PyTorchFile.Open(path), []);
            case TensorFileFormat.LlmC:
                return new TensorFileContent(LlmCFile.Open(path), []);
            default:
                SafetensorsFile safetensors = SafetensorsFile.Open(path);
                return new TensorFileContent(safetensors, [.. safetensors.Metadata]);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>The format that the file at <paramref name="path"/> begins like.</summary>
    internal static TensorFileFormat FormatOf(string path)
    {
        using RawFile file = RawFile.Open(path);
        Span<byte> buffer = stackalloc byte[HeadBytes];
        Span<byte> head = buffer[..(int)Math.Min(HeadBytes, file.Length)];
        file.Read(0, head);
        if (head.StartsWith(GgufFile.Magic))
        {
            return TensorFileFormat.Gguf;
        }

        if (head.Length >= sizeof(int) && BinaryPrimitives.ReadInt32LittleEndian(head) == LlmCFile.Magic)
        {
            return TensorFileFormat.LlmC;
        }

        if (PyTorchFile.HasHead(head))
        {
            return TensorFileFormat.PyTorch;
        }

        bool isSafetensors = head.Length > sizeof(ulong) && head[sizeof(ulong)] == (byte)'{';
        return isSafetensors ? TensorFileFormat.Safetensors : TensorFileFormat.Unknown;
    }
}

/// <summary>The formats of single files, as their first bytes tell them apart.</summary>
internal enum TensorFileFormat
{
    /// <summary>None of those below.</summary>
    Unknown,

    /// <summary>A safetensors file: a header's length, then "{".</summary>
    Safetensors,

    /// <summary>A file of torch.save: a zip file, or a pickle.</summary>
    PyTorch,

    /// <summary>"GGUF".</summary>
    Gguf,

    /// <summary>llm.c's number.</summary>
    LlmC,
}
