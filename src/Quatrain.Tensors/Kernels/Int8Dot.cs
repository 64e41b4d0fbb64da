using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// The sums of one row of x with rows of a weight, unturned: eight at a time, a lane for each, with AVX2, or one.
/// </summary>
internal static unsafe class Int8Dot
{
    /// <summary>The rows of a weight that go side by side.</summary>
    public const int Rows = 8;

    /// <summary>The sums with eight rows, each <paramref name="rowBytes"/> behind the one before.</summary>
    public static Vector256<float> Sums8(byte* blocks, nint rowBytes, sbyte* x, float* scales, int count)
    {
        Vector256<float> sum = Vector256<float>.Zero;
        for (int i = 0; i < count; i++)
        {
            // Two blocks are a little more than a line.
            if ((i & 1) == 0)
            {
                Prefetch.Streams(blocks, rowBytes, Rows);
            }

            sum = Vector256.MultiplyAddEstimate(Exact8(blocks, rowBytes, x), Scales(blocks, rowBytes) * Vector256.Create(scales[i]), sum);
            blocks += Int8Blocks.Size;
            x += Int8Blocks.Length;
        }

        return sum;
    }

    /// <summary>The sum with one row, on any machine.</summary>
    public static float Sum(byte* blocks, sbyte* x, float* scales, int count)
    {
        float sum = 0;
        for (; count > 0; count--)
        {
            Vector128<int> exact = Products128((sbyte*)blocks + sizeof(ushort), x) + Products128((sbyte*)blocks + sizeof(ushort) + 16, x + 16);
            sum = float.MultiplyAddEstimate(Vector128.Sum(exact), (float)Unsafe.ReadUnaligned<Half>(blocks) * *scales, sum);
            blocks += Int8Blocks.Size;
            x += Int8Blocks.Length;
            scales++;
        }

        return sum;
    }

    /// <summary>Asks for part <paramref name="i"/> of eight rows that lie behind each other, as much as a block of each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchBlocks(byte* rows, int i)
    {
        const int Line = 64;
        byte* part = rows + (nint)i * (Rows * Int8Blocks.Size);
        for (int line = 0; line < Rows * Int8Blocks.Size / Line; line++)
        {
            Prefetch.Line((float*)(part + line * Line));
        }

        // Four parts are 17 lines.
        if ((i & 3) == 3)
        {
            Prefetch.Line((float*)(part + Rows * Int8Blocks.Size - 1));
        }
    }

    /// <summary>The scales of a block of each of eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scales(byte* blocks, nint rowBytes)
    {
        byte* blocks4 = blocks + 4 * rowBytes;
        return Widen(Vector128.Create(
            *(ushort*)blocks, *(ushort*)(blocks + rowBytes), *(ushort*)(blocks + 2 * rowBytes), *(ushort*)(blocks + 3 * rowBytes),
            *(ushort*)blocks4, *(ushort*)(blocks4 + rowBytes), *(ushort*)(blocks4 + 2 * rowBytes), *(ushort*)(blocks4 + 3 * rowBytes)));
    }

    /// <summary>Adds to each lane the products of four unsigned bytes with four signed ones.</summary>
    /// <remarks>No sum of two leaves 16 bits: 2 * 128 * 127 is 32,512.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sums, Vector256<byte> a, Vector256<sbyte> b) => AvxVnni.IsSupported
        ? AvxVnni.MultiplyWideningAndAdd(sums, a, b)
        : sums + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(a, b), Vector256<short>.One);

    /// <summary>The exact sums of one block of x with a block of each of eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Exact8(byte* blocks, nint rowBytes, sbyte* x)
    {
        Vector256<sbyte> bytes = Vector256.Load(x);
        Vector256<int> low = Quarters(blocks, rowBytes, bytes), high = Quarters(blocks + 4 * rowBytes, rowBytes, bytes);
        // Each half of low holds sums over half a block for rows 0 to 3, and those of high for rows 4 to 7.
        return Vector256.ConvertToSingle(Avx2.Permute2x128(low, high, 0x20) + Avx2.Permute2x128(low, high, 0x31));
    }

    /// <summary>Four rows' sums over the two halves of a block: rows 0 to 3 in each half of the register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Quarters(byte* blocks, nint rowBytes, Vector256<sbyte> x) => Avx2.HorizontalAdd(
        Avx2.HorizontalAdd(Products(blocks, x), Products(blocks + rowBytes, x)),
        Avx2.HorizontalAdd(Products(blocks + 2 * rowBytes, x), Products(blocks + 3 * rowBytes, x)));

    /// <summary>The sums of four products each. Where one factor must be unsigned, it is the weight's absolute value, and its sign goes to x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(byte* block, Vector256<sbyte> x)
    {
        Vector256<sbyte> weights = Vector256.Load((sbyte*)block + sizeof(ushort));
        return Add(Vector256<int>.Zero, Avx2.Abs(weights), Avx2.Sign(x, weights));
    }

    /// <summary>Half precision to single, exactly; scales are finite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(Vector128<ushort> halves)
    {
        // Exponent and fraction moved to their places make a number that is 2^112 too small, also where it is subnormal.
        Vector256<uint> bits = Avx2.ConvertToVector256Int32(halves).AsUInt32();
        Vector256<float> size = ((bits & Vector256.Create(0x7FFFu)) << 13).AsSingle() * Vector256.Create(BitConverter.UInt32BitsToSingle((127 + 112) << 23));
        return (size.AsUInt32() | ((bits & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Products128(sbyte* a, sbyte* b)
    {
        (Vector128<short> a0, Vector128<short> a1) = Vector128.Widen(Vector128.Load(a));
        (Vector128<short> b0, Vector128<short> b1) = Vector128.Widen(Vector128.Load(b));
        (Vector128<int> p0, Vector128<int> p1) = Vector128.Widen(a0 * b0);
        (Vector128<int> p2, Vector128<int> p3) = Vector128.Widen(a1 * b1);
        return p0 + p1 + (p2 + p3);
    }
}
