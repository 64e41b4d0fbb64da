namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>Unpacks blocks that Snappy packed.</summary>
/// <remarks>
/// Format: the unpacked length as a varint; then literals, and copies of what was unpacked before
/// (https://github.com/google/snappy/blob/main/format_description.txt).
/// </remarks>
internal static class Snappy
{
    // Three bytes can stand for 64 at most.
    private const int HighestRatio = 22;

    /// <summary>The unpacked bytes, or null where <paramref name="packed"/> breaks the format.</summary>
    /// <remarks>No length that the input claims is allocated before it is compared with what so many bytes can hold.</remarks>
    public static byte[]? TryUnpack(ReadOnlySpan<byte> packed)
    {
        if (!Varint.TryRead(ref packed, out ulong length) || length > (ulong)HighestRatio * (ulong)packed.Length)
        {
            return null;
        }

        byte[] unpacked = new byte[length];
        int written = 0;
        while (!packed.IsEmpty)
        {
            byte tag = packed[0];
            packed = packed[1..];
            bool done = (tag & 3) == 0
                ? TryLiteral(tag >> 2, ref packed, unpacked, ref written)
                : TryCopy(tag, ref packed, unpacked, ref written);
            if (!done)
            {
                return null;
            }
        }

        return written == unpacked.Length ? unpacked : null;
    }

    private static bool TryLiteral(int code, ref ReadOnlySpan<byte> packed, Span<byte> unpacked, ref int written)
    {
        // Up to 60 bytes the code is the length less one; beyond, it says how many bytes that takes.
        const int LongestShort = 59;
        long length = code + 1;
        if (code > LongestShort && !TryLittleEndian(ref packed, code - LongestShort, out length, addend: 1))
        {
            return false;
        }

        if (length > packed.Length || length > unpacked.Length - written)
        {
            return false;
        }

        packed[..(int)length].CopyTo(unpacked[written..]);
        packed = packed[(int)length..];
        written += (int)length;
        return true;
    }

    private static bool TryCopy(byte tag, ref ReadOnlySpan<byte> packed, Span<byte> unpacked, ref int written)
    {
        int length = (tag >> 2) + 1;
        int offsetBytes = 1 << ((tag & 3) - 1);
        if (!TryLittleEndian(ref packed, offsetBytes, out long offset))
        {
            return false;
        }

        if ((tag & 3) == 1)
        {
            length = ((tag >> 2) & 7) + 4;
            offset |= (long)(tag >> 5) << 8;
        }

        if (offset == 0 || offset > written || length > unpacked.Length - written)
        {
            return false;
        }

        // One by one, for a copy may reach into what it writes itself.
        for (int i = 0; i < length; i++, written++)
        {
            unpacked[written] = unpacked[written - (int)offset];
        }

        return true;
    }

    private static bool TryLittleEndian(ref ReadOnlySpan<byte> packed, int bytes, out long value, long addend = 0)
    {
        value = addend;
        if (packed.Length < bytes)
        {
            return false;
        }

        for (int i = 0; i < bytes; i++)
        {
            value += (long)packed[i] << (8 * i);
        }

        packed = packed[bytes..];
        return true;
    }
}
