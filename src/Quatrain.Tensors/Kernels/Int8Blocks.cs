using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// Numbers in blocks of 32: signed bytes of one scale. Stored, a block is its scale in half precision and then the bytes, as in GGUF's Q8_0; a row's last block is
/// filled up with zeros.
/// </summary>
internal static unsafe class Int8Blocks
{
    /// <summary>The numbers of a block.</summary>
    public const int Length = 32;

    /// <summary>The bytes of a stored block.</summary>
    public const int Size = sizeof(ushort) + Length;

    private const float Largest = 127;

    /// <summary>The blocks of a row.</summary>
    public static int Count(int columns) => (columns + Length - 1) / Length;

    /// <summary>The bytes of a stored row.</summary>
    public static long RowBytes(int columns) => (long)Count(columns) * Size;

    /// <summary>Stores a row of floats.</summary>
    public static void Store(float* row, int columns, byte* blocks)
    {
        float* last = stackalloc float[Length];
        for (int i = 0; i < columns; i += Length, blocks += Size)
        {
            float* from = Whole(row, i, columns, last);
            // What the bytes are multiples of is the scale as it is stored.
            Half scale = (Half)(LargestOf(from) / Largest);
            Unsafe.WriteUnaligned(blocks, scale);
            Round(from, scale == (Half)0 ? 0 : 1 / (float)scale, (sbyte*)(blocks + sizeof(ushort)));
        }
    }

    /// <summary>Rounds a row to bytes and scales that lie apart: what a product's left operand becomes.</summary>
    public static void Split(float* row, int columns, sbyte* bytes, float* scales)
    {
        float* last = stackalloc float[Length];
        for (int i = 0; i < columns; i += Length)
        {
            float* from = Whole(row, i, columns, last);
            float largest = LargestOf(from);
            *scales++ = largest / Largest;
            Round(from, largest > 0 ? Largest / largest : 0, bytes + i);
        }
    }

    /// <summary>The floats that a stored row stands for.</summary>
    public static void Load(byte* blocks, int columns, float* row)
    {
        for (int i = 0; i < columns; i += Length, blocks += Size)
        {
            float scale = (float)Unsafe.ReadUnaligned<Half>(blocks);
            sbyte* bytes = (sbyte*)(blocks + sizeof(ushort));
            for (int j = 0; j < Math.Min(Length, columns - i); j++)
            {
                row[i + j] = scale * bytes[j];
            }
        }
    }

    private static float* Whole(float* row, int i, int columns, float* last)
    {
        if (i + Length <= columns)
        {
            return row + i;
        }

        Span<float> block = new(last, Length);
        block.Clear();
        new Span<float>(row + i, columns - i).CopyTo(block);
        return last;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LargestOf(float* x)
    {
        Vector128<float> a = Vector128.Abs(Vector128.Load(x)), b = Vector128.Abs(Vector128.Load(x + 4));
        for (int i = 8; i < Length; i += 8)
        {
            a = Vector128.MaxNative(a, Vector128.Abs(Vector128.Load(x + i)));
            b = Vector128.MaxNative(b, Vector128.Abs(Vector128.Load(x + i + 4)));
        }

        a = Vector128.MaxNative(a, b);
        return MathF.Max(MathF.Max(a[0], a[1]), MathF.Max(a[2], a[3]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(float* x, float factor, sbyte* bytes)
    {
        for (int i = 0; i < Length; i += 16)
        {
            Vector128<short> low = Vector128.Narrow(Rounded(x + i, factor), Rounded(x + i + 4, factor));
            Vector128<short> high = Vector128.Narrow(Rounded(x + i + 8, factor), Rounded(x + i + 12, factor));
            Vector128.Narrow(low, high).Store(bytes + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Rounded(float* x, float factor)
    {
        // Beyond 127 only where the scale was rounded down, among the smallest that half precision has.
        Vector128<float> scaled = Vector128.Round(Vector128.Load(x) * factor);
        return Vector128.ConvertToInt32(Vector128.MinNative(Vector128.MaxNative(scaled, Vector128.Create(-Largest)), Vector128.Create(Largest)));
    }
}
