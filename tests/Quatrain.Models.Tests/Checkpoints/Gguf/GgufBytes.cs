using System.Buffers.Binary;
using System.Text;

namespace Quatrain.Models.Tests.Checkpoints.Gguf;

/// <summary>Builds GGUF files from their parts, following the published format and independently of the writer.</summary>
internal sealed class GgufBytes
{
    private readonly List<byte> _bytes = [];

    public static GgufBytes Head(ulong tensors, ulong values, uint version = 3) => new GgufBytes().Raw("GGUF"u8).U32(version).U64(tensors).U64(values);

    /// <summary>Metadata of all kinds and three tensors: F32 [2, 3], Q8_0 [1, 32], BF16 [2].</summary>
    public static byte[] Sample() => Head(3, 6)
        .Text("general.architecture").U32(8).Text("gpt2")
        .Text("number").U32(4).U32(7)
        .Text("ratio").U32(6).U32(BitConverter.SingleToUInt32Bits(0.5f))
        .Text("words").U32(9).U32(8).U64(2).Text("one").Text("two")
        .Text("numbers").U32(9).U32(5).U64(3).U32(1).U32(2).U32(uint.MaxValue)
        .Text("flag").U32(7).Raw([1])
        .Tensor("a", 0, 0, 3, 2)
        .Tensor("q", 8, 32, 32, 1)
        .Tensor("h", 30, 96, 2)
        .Pad()
        .Raw(SafetensorsBytes.Floats(0, 1, 2, 3, 4, 5)).Pad()
        .Raw([0x00, 0x38, .. Enumerable.Range(0, 32).Select(i => (byte)(i - 16))]).Pad()
        .Raw([0x80, 0x3F, 0x00, 0xC0]).Pad()
        .ToArray();

    public GgufBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public GgufBytes U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes U64(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public GgufBytes Text(string text) => U64((ulong)Encoding.UTF8.GetByteCount(text)).Raw(Encoding.UTF8.GetBytes(text));

    /// <summary>Sizes innermost first, as in the file.</summary>
    public GgufBytes Tensor(string name, uint type, ulong offset, params ulong[] sizes)
    {
        Text(name).U32((uint)sizes.Length);
        foreach (ulong size in sizes)
        {
            U64(size);
        }

        return U32(type).U64(offset);
    }

    public GgufBytes Pad(int alignment = 32) => Raw(new byte[-_bytes.Count & (alignment - 1)]);

    public byte[] ToArray() => [.. _bytes];
}
