using System.Runtime.InteropServices;

namespace Quatrain.Models.Checkpoints;

/// <summary>Turns the bytes of raw elements into floats and back. Needs a little-endian machine.</summary>
internal static class RawElements
{
    /// <summary>The numbers of a block of <see cref="RawElementType.Q8"/>.</summary>
    public const int Q8Block = 32;

    private const int Q8BlockBytes = 2 + Q8Block;

    /// <summary>What messages and people call the type.</summary>
    public static string Label(this RawElementType type) => type == RawElementType.Q8 ? "Q8_0" : type.ToString();

    /// <summary>How many numbers come in a block, which can't be cut.</summary>
    public static int BlockLength(this RawElementType type) => type == RawElementType.Q8 ? Q8Block : 1;

    /// <summary>The bytes of a block.</summary>
    public static int BlockBytes(this RawElementType type) => type switch
    {
        RawElementType.F32 => sizeof(float),
        RawElementType.Q8 => Q8BlockBytes,
        _ => sizeof(ushort),
    };

    /// <summary>The bytes of <paramref name="count"/> numbers, which is a multiple of the block's length.</summary>
    public static long Bytes(this RawElementType type, long count) => count / type.BlockLength() * type.BlockBytes();

    /// <summary>Every block of <paramref name="source"/> as floats; exact.</summary>
    public static void Decode(RawElementType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case RawElementType.F32:
                source.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case RawElementType.F16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (float)halves[i];
                }

                break;
            case RawElementType.BF16:
                ReadOnlySpan<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)upperHalves[i] << 16);
                }

                break;
            default:
                for (int block = 0; block < destination.Length / Q8Block; block++)
                {
                    ReadOnlySpan<byte> bytes = source.Slice(block * Q8BlockBytes, Q8BlockBytes);
                    float scale = (float)MemoryMarshal.Read<Half>(bytes);
                    for (int i = 0; i < Q8Block; i++)
                    {
                        destination[(block * Q8Block) + i] = scale * (sbyte)bytes[2 + i];
                    }
                }

                break;
        }
    }

    /// <summary>
    /// The floats, rounded to nearest and ties to even; for <see cref="RawElementType.Q8"/> as llama.cpp rounds: a block's scale is the 127th part of its
    /// largest magnitude, and ties go away from zero.
    /// </summary>
    public static void Encode(RawElementType type, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (type)
        {
            case RawElementType.F32:
                MemoryMarshal.AsBytes(source).CopyTo(destination);
                break;
            case RawElementType.F16:
                Span<Half> halves = MemoryMarshal.Cast<byte, Half>(destination);
                for (int i = 0; i < source.Length; i++)
                {
                    halves[i] = (Half)source[i];
                }

                break;
            case RawElementType.BF16:
                Span<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(destination);
                for (int i = 0; i < source.Length; i++)
                {
                    uint bits = BitConverter.SingleToUInt32Bits(source[i]);
                    upperHalves[i] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
                }

                break;
            default:
                for (int block = 0; block < source.Length / Q8Block; block++)
                {
                    EncodeQ8(source.Slice(block * Q8Block, Q8Block), destination.Slice(block * Q8BlockBytes, Q8BlockBytes));
                }

                break;
        }
    }

    private static void EncodeQ8(ReadOnlySpan<float> source, Span<byte> destination)
    {
        float largest = 0;
        foreach (float value in source)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }

        float scale = largest / 127;
        Half stored = (Half)scale;
        MemoryMarshal.Write(destination, stored);

        // Where the scale is too small for a half, every number of the block is zero, whatever its byte: the same bytes again for the same numbers.
        float inverse = stored == Half.Zero ? 0 : 1 / scale;
        for (int i = 0; i < source.Length; i++)
        {
            destination[2 + i] = (byte)(sbyte)MathF.Round(source[i] * inverse, MidpointRounding.AwayFromZero);
        }
    }
}
