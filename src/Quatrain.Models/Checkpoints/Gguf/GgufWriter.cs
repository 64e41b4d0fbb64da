using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Quatrain.Models.Checkpoints.Gguf;

/// <summary>Writes a GGUF file of version 3: metadata in the order they are added, then tensors.</summary>
internal sealed class GgufWriter
{
    private const uint Version = 3;

    private readonly ArrayBufferWriter<byte> _metadata = new();
    private ulong _metadataCount;

    public void Add(string key, string value)
    {
        Key(key, GgufValueType.String);
        Text(_metadata, value);
    }

    public void Add(string key, uint value)
    {
        Key(key, GgufValueType.UInt32);
        UInt32(_metadata, value);
    }

    public void Add(string key, float value)
    {
        Key(key, GgufValueType.Float32);
        UInt32(_metadata, BitConverter.SingleToUInt32Bits(value));
    }

    public void Add(string key, bool value)
    {
        Key(key, GgufValueType.Bool);
        _metadata.Write([value ? (byte)1 : (byte)0]);
    }

    public void Add(string key, IReadOnlyCollection<string> values)
    {
        Array(key, GgufValueType.String, values.Count);
        foreach (string value in values)
        {
            Text(_metadata, value);
        }
    }

    public void Add(string key, IReadOnlyCollection<int> values)
    {
        Array(key, GgufValueType.Int32, values.Count);
        foreach (int value in values)
        {
            UInt32(_metadata, unchecked((uint)value));
        }
    }

    /// <summary>Writes the file, through <see cref="AtomicFile"/>.</summary>
    public void Write(string path, IReadOnlyList<OutgoingTensor> tensors)
    {
        RawFile.RequireLittleEndian();
        ArrayBufferWriter<byte> head = new();
        head.Write(GgufFile.Magic);
        UInt32(head, Version);
        UInt64(head, (ulong)tensors.Count);
        UInt64(head, _metadataCount);
        head.Write(_metadata.WrittenSpan);
        long offset = 0;
        foreach (OutgoingTensor tensor in tensors)
        {
            Text(head, tensor.Name);
            UInt32(head, (uint)tensor.Shape.Length);
            foreach (long size in tensor.Shape.Reverse())
            {
                UInt64(head, (ulong)size);
            }

            UInt32(head, GgufTypes.Number(tensor.Type));
            UInt64(head, (ulong)offset);
            offset += tensor.ByteCount + Padding(tensor.ByteCount);
        }

        head.Write(new byte[Padding(head.WrittenCount)]);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(head.WrittenSpan);
            foreach (OutgoingTensor tensor in tensors)
            {
                tensor.WriteElements(stream);
                stream.Write(new byte[Padding(tensor.ByteCount)]);
            }
        });
    }

    private static int Padding(long length) => (int)(-length & (GgufFile.DefaultAlignment - 1));

    private static void Text(ArrayBufferWriter<byte> buffer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        UInt64(buffer, (ulong)bytes.Length);
        buffer.Write(bytes);
    }

    private static void UInt32(ArrayBufferWriter<byte> buffer, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.GetSpan(sizeof(uint)), value);
        buffer.Advance(sizeof(uint));
    }

    private static void UInt64(ArrayBufferWriter<byte> buffer, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.GetSpan(sizeof(ulong)), value);
        buffer.Advance(sizeof(ulong));
    }

    private void Key(string key, GgufValueType type)
    {
        _metadataCount++;
        Text(_metadata, key);
        UInt32(_metadata, (uint)type);
    }

    private void Array(string key, GgufValueType type, int count)
    {
        Key(key, GgufValueType.Array);
        UInt32(_metadata, (uint)type);
        UInt64(_metadata, (ulong)count);
    }
}
