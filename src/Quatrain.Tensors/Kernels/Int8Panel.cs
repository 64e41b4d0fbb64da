using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// Eight rows of a weight of int8 blocks, turned for the rows of x that meet them: four bytes of each row side by side in a register, so that a lane is a column and
/// nothing is added across lanes. For AVX2.
/// </summary>
internal static unsafe class Int8Panel
{
    /// <summary>The rows of the weight, which are the columns of the result.</summary>
    public const int Columns = 8;

    /// <summary>The rows of x that go through a panel at a time.</summary>
    public const int Rows = 4;

    private const int BytesPerBlock = Columns * Int8Blocks.Length;
    private const int Quad = 4;

    /// <summary>The bytes of a block of eight rows, and their scales.</summary>
    private const int BlockFloats = (BytesPerBlock / sizeof(float)) + Columns;

    /// <summary>The floats of a panel.</summary>
    public static long Size(int blocksPerRow) => (long)blocksPerRow * BlockFloats;

    /// <summary>Turns eight rows, and asks for what lies behind them, which is what the next panel is made of.</summary>
    public static void Pack(byte* blocks, nint rowBytes, int count, float* panel)
    {
        byte* next = blocks + Columns * rowBytes;
        for (int i = 0; i < count; i++)
        {
            Int8Dot.PrefetchBlocks(next, i);
            Turn(blocks + sizeof(ushort), rowBytes, (byte*)panel);
            Int8Dot.Scales(blocks, rowBytes).Store(panel + BytesPerBlock / sizeof(float));
            blocks += Int8Blocks.Size;
            panel += BlockFloats;
        }
    }

    /// <summary>The sums of one row of x with the panel's eight.</summary>
    public static void Multiply1(float* panel, int count, sbyte* x, float* scales, float* sums)
    {
        Vector256<float> sum = Vector256<float>.Zero;
        for (; count > 0; count--)
        {
            Vector256<int> exact = Vector256<int>.Zero;
            for (byte* from = (byte*)panel, end = from + BytesPerBlock; from < end; from += Vector256<byte>.Count)
            {
                Vector256<sbyte> weights = Vector256.Load((sbyte*)from);
                exact = Add(exact, weights, Avx2.Abs(weights), x);
                x += Quad;
            }

            sum = Vector256.MultiplyAddEstimate(
                Vector256.ConvertToSingle(exact), Vector256.Load(panel + BytesPerBlock / sizeof(float)) * Vector256.Create(*scales++), sum);
            panel += BlockFloats;
        }

        sum.Store(sums);
    }

    /// <summary>The same for four rows of x: sums [4, 8].</summary>
    public static void Multiply4(float* panel, int count, sbyte* x, nint stride, float* scales, nint scaleStride, float* sums)
    {
        Vector256<float> sum0 = Vector256<float>.Zero, sum1 = sum0, sum2 = sum0, sum3 = sum0;
        nint stride3 = 3 * stride;
        for (; count > 0; count--)
        {
            Vector256<int> exact0 = Vector256<int>.Zero, exact1 = exact0, exact2 = exact0, exact3 = exact0;
            for (byte* from = (byte*)panel, end = from + BytesPerBlock; from < end; from += Vector256<byte>.Count)
            {
                Vector256<sbyte> weights = Vector256.Load((sbyte*)from);
                Vector256<byte> sizes = Avx2.Abs(weights);
                exact0 = Add(exact0, weights, sizes, x);
                exact1 = Add(exact1, weights, sizes, x + stride);
                exact2 = Add(exact2, weights, sizes, x + 2 * stride);
                exact3 = Add(exact3, weights, sizes, x + stride3);
                x += Quad;
            }

            Vector256<float> scale = Vector256.Load(panel + BytesPerBlock / sizeof(float));
            sum0 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(exact0), scale * Vector256.Create(scales[0]), sum0);
            sum1 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(exact1), scale * Vector256.Create(scales[scaleStride]), sum1);
            sum2 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(exact2), scale * Vector256.Create(scales[2 * scaleStride]), sum2);
            sum3 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(exact3), scale * Vector256.Create(scales[3 * scaleStride]), sum3);
            scales++;
            panel += BlockFloats;
        }

        sum0.Store(sums);
        sum1.Store(sums + Columns);
        sum2.Store(sums + 2 * Columns);
        sum3.Store(sums + 3 * Columns);
    }

    /// <summary>Adds to each lane the products of its four weights with four bytes of x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sums, Vector256<sbyte> weights, Vector256<byte> sizes, sbyte* x) =>
        Int8Dot.Add(sums, sizes, Avx2.Sign(Vector256.Create(*(int*)x).AsSByte(), weights));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(byte* rows, nint stride, byte* panel)
    {
        Vector256<int> top0, top1, top2, top3, bottom0, bottom1, bottom2, bottom3;
        Turn4(rows, stride, out top0, out top1, out top2, out top3);
        Turn4(rows + 4 * stride, stride, out bottom0, out bottom1, out bottom2, out bottom3);
        StoreHalves(top0, bottom0, panel);
        StoreHalves(top1, bottom1, panel + 32);
        StoreHalves(top2, bottom2, panel + 64);
        StoreHalves(top3, bottom3, panel + 96);
    }

    /// <summary>Four rows of eight quads: quad i of each row in the lower half of column i, quad 4 + i in its upper half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn4(
        byte* rows, nint stride, out Vector256<int> column0, out Vector256<int> column1, out Vector256<int> column2, out Vector256<int> column3)
    {
        Vector256<int> a = Vector256.Load((int*)rows), b = Vector256.Load((int*)(rows + stride));
        Vector256<int> c = Vector256.Load((int*)(rows + 2 * stride)), d = Vector256.Load((int*)(rows + 3 * stride));
        Vector256<long> ab0 = Avx2.UnpackLow(a, b).AsInt64(), ab1 = Avx2.UnpackHigh(a, b).AsInt64();
        Vector256<long> cd0 = Avx2.UnpackLow(c, d).AsInt64(), cd1 = Avx2.UnpackHigh(c, d).AsInt64();
        column0 = Avx2.UnpackLow(ab0, cd0).AsInt32();
        column1 = Avx2.UnpackHigh(ab0, cd0).AsInt32();
        column2 = Avx2.UnpackLow(ab1, cd1).AsInt32();
        column3 = Avx2.UnpackHigh(ab1, cd1).AsInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreHalves(Vector256<int> top, Vector256<int> bottom, byte* panel)
    {
        Avx2.Permute2x128(top, bottom, 0x20).Store((int*)panel);
        Avx2.Permute2x128(top, bottom, 0x31).Store((int*)(panel + 4 * Vector256<byte>.Count));
    }
}
