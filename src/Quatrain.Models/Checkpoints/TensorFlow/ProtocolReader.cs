using System.Buffers.Binary;

namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>Goes through the fields of one protocol buffers message.</summary>
/// <remarks>Source: https://protobuf.dev/programming-guides/encoding. Groups, long out of use, are an error.</remarks>
internal ref struct ProtocolReader(ReadOnlySpan<byte> message)
{
    private const int VarintType = 0, Fixed64Type = 1, BytesType = 2, Fixed32Type = 5;

    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The current field's number.</summary>
    public int Field { get; private set; }

    /// <summary>The current field's number as a value, where it is one; else 0.</summary>
    public ulong Number { get; private set; }

    /// <summary>The current field's bytes, where it has bytes; else empty.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Whether the message broke the encoding, and reading ended there.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Goes to the next field; false at the end, or where the message is broken.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        IsBroken = !TryNext();
        return !IsBroken;
    }

    private bool TryNext()
    {
        const ulong LargestTag = uint.MaxValue;
        Number = 0;
        Bytes = default;
        if (!Varint.TryRead(ref _rest, out ulong tag) || tag > LargestTag || tag < 8)
        {
            return false;
        }

        Field = (int)(tag >> 3);
        ulong number;
        switch ((int)(tag & 7))
        {
            case VarintType when Varint.TryRead(ref _rest, out number):
                Number = number;
                return true;
            case Fixed64Type when _rest.Length >= sizeof(ulong):
                Number = BinaryPrimitives.ReadUInt64LittleEndian(_rest);
                _rest = _rest[sizeof(ulong)..];
                return true;
            case Fixed32Type when _rest.Length >= sizeof(uint):
                Number = BinaryPrimitives.ReadUInt32LittleEndian(_rest);
                _rest = _rest[sizeof(uint)..];
                return true;
            case BytesType when Varint.TryRead(ref _rest, out number) && number <= (ulong)_rest.Length:
                Bytes = _rest[..(int)number];
                _rest = _rest[(int)number..];
                return true;
            default:
                return false;
        }
    }
}
