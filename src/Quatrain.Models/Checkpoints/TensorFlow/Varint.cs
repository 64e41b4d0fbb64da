namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>Numbers of seven bits a byte, the lowest first; the last byte's top bit is 0. LevelDB, protocol buffers and Snappy share them.</summary>
internal static class Varint
{
    private const int LongestBytes = 10;

    /// <summary>Takes a number from the start of <paramref name="bytes"/>; false where there is none of at most 64 bits.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (int i = 0; i < bytes.Length && i < LongestBytes; i++)
        {
            byte next = bytes[i];
            if (i == LongestBytes - 1 && next > 1)
            {
                return false;
            }

            value |= (ulong)(next & 0x7F) << (7 * i);
            if (next < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}
