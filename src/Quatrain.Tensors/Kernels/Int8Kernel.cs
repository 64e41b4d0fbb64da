using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// The product with a weight of int8 blocks [N, K]: c[m, n] = sum over k of x[m, k] w[n, k]. The left operand is rounded to blocks of int8 as well, so the sum over a block is
/// exact in integers.
/// </summary>
/// <remarks>
/// An element is the chain, in the order of the blocks, of multiply-adds of a block's sum and the product of the two scales. Integers have no rounding, so neither rows,
/// threads nor the registers' width change a bit. A lane is a column: eight rows of the weight go side by side.
/// </remarks>
internal static unsafe class Int8Kernel
{
    private const int ColumnsPerUnit = 8;

    /// <summary>The floats that <see cref="Multiply{TActivation}"/> needs to work in.</summary>
    public static long WorkspaceSize(int m, int k) => (long)m * Int8Blocks.Count(k) * (1 + Int8Blocks.Length / sizeof(float));

    /// <summary>The result as <see cref="MatMulKernel"/> has it, from x [M, K], rows side by side, and blocks [N, K].</summary>
    public static void Multiply<TActivation>(float* x, byte* blocks, int m, int n, int k, in MatMulResult result, float* workspace, WorkerPool pool)
        where TActivation : unmanaged, IActivation
    {
        int blocksPerRow = Int8Blocks.Count(k);
        sbyte* bytes = (sbyte*)workspace;
        float* scales = workspace + (long)m * blocksPerRow * (Int8Blocks.Length / sizeof(float));
        pool.Run(new RoundWork { X = x, K = k, BlocksPerRow = blocksPerRow, Bytes = bytes, Scales = scales }, m);
        pool.ReserveScratch((long)blocksPerRow * ColumnsPerUnit);
        pool.Run(
            new ProductWork<TActivation> { Blocks = blocks, Bytes = bytes, Scales = scales, M = m, N = n, BlocksPerRow = blocksPerRow, Result = result, Scratch = pool.ScratchTable },
            (n + ColumnsPerUnit - 1) / ColumnsPerUnit);
    }

    private struct RoundWork : IWork
    {
        public float* X, Scales;
        public sbyte* Bytes;
        public int K, BlocksPerRow;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int row = start; row < end; row++)
            {
                Int8Blocks.Split(X + (long)row * K, K, Bytes + (long)row * BlocksPerRow * Int8Blocks.Length, Scales + (long)row * BlocksPerRow);
            }
        }
    }

    private struct ProductWork<TActivation> : IWork
        where TActivation : unmanaged, IActivation
    {
        public byte* Blocks;
        public sbyte* Bytes;
        public float* Scales;
        public int M, N, BlocksPerRow;
        public MatMulResult Result;
        public float** Scratch;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            float* sums = stackalloc float[ColumnsPerUnit];
            for (int unit = start; unit < end; unit++)
            {
                int left = unit * ColumnsPerUnit, count = Math.Min(ColumnsPerUnit, N - left);
                TileEnd tile = new(
                    Result.Bias is null ? null : Result.Bias + left, Result.Addend is null ? null : Result.Addend + left, Result.AddendStride);
                float* widened = Avx2.IsSupported && M > 1 && count == ColumnsPerUnit ? Scratch[worker] : null;
                if (widened is not null)
                {
                    nint rowBytes = (nint)BlocksPerRow * Int8Blocks.Size;
                    WidenScales(Blocks + left * rowBytes, rowBytes, BlocksPerRow, widened);
                }

                for (int row = 0; row < M; row++)
                {
                    Sums(left, count, row, widened, sums);
                    float* c = Result.C + row * Result.CStride + left;
                    int done = tile.StoreRow<Lanes4>(sums, row, 0, count, c);
                    tile.StoreRow<Lanes1>(sums, row, done, count, c);
                }
            }

            Result.Activate<V, TActivation>(0, M, start * ColumnsPerUnit, Math.Min(end * ColumnsPerUnit, N));
        }

        private readonly void Sums(int left, int count, int row, float* widened, float* sums)
        {
            nint rowBytes = (nint)BlocksPerRow * Int8Blocks.Size;
            byte* blocks = Blocks + left * rowBytes;
            sbyte* x = Bytes + (nint)row * BlocksPerRow * Int8Blocks.Length;
            float* scales = Scales + (nint)row * BlocksPerRow;
            if (Avx2.IsSupported && count == ColumnsPerUnit)
            {
                (widened is null ? Sums8(blocks, rowBytes, x, scales, BlocksPerRow) : Sums8(blocks, rowBytes, x, scales, widened, BlocksPerRow)).Store(sums);
                return;
            }

            for (int i = 0; i < count; i++)
            {
                sums[i] = Sum1(blocks + i * rowBytes, x, scales, BlocksPerRow);
            }
        }
    }

    /// <summary>The scales of eight rows' blocks side by side, for the rows of x that meet them.</summary>
    private static void WidenScales(byte* blocks, nint rowBytes, int count, float* widened)
    {
        for (; count > 0; count--)
        {
            Scales(blocks, rowBytes).Store(widened);
            blocks += Int8Blocks.Size;
            widened += ColumnsPerUnit;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<float> Sums8(byte* blocks, nint rowBytes, sbyte* x, float* scales, int count)
    {
        Vector256<float> sum = Vector256<float>.Zero;
        for (; count > 0; count--)
        {
            sum = Vector256.MultiplyAddEstimate(Exact8(blocks, rowBytes, x), Scales(blocks, rowBytes) * Vector256.Create(*scales), sum);
            blocks += Int8Blocks.Size;
            x += Int8Blocks.Length;
            scales++;
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<float> Sums8(byte* blocks, nint rowBytes, sbyte* x, float* scales, float* widened, int count)
    {
        Vector256<float> sum = Vector256<float>.Zero;
        for (; count > 0; count--)
        {
            sum = Vector256.MultiplyAddEstimate(Exact8(blocks, rowBytes, x), Vector256.Load(widened) * Vector256.Create(*scales), sum);
            blocks += Int8Blocks.Size;
            x += Int8Blocks.Length;
            scales++;
            widened += ColumnsPerUnit;
        }

        return sum;
    }

    /// <summary>The exact sums of one block of x with a block of each of eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Exact8(byte* blocks, nint rowBytes, sbyte* x)
    {
        Vector256<sbyte> bytes = Vector256.Load(x);
        Vector256<int> low = Quarters(blocks, rowBytes, bytes), high = Quarters(blocks + 4 * rowBytes, rowBytes, bytes);
        // Each half of low holds sums over half a block for rows 0 to 3, and those of high for rows 4 to 7.
        return Vector256.ConvertToSingle(Avx2.Permute2x128(low, high, 0x20) + Avx2.Permute2x128(low, high, 0x31));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scales(byte* blocks, nint rowBytes)
    {
        byte* blocks4 = blocks + 4 * rowBytes;
        return Widen(Vector128.Create(
            *(ushort*)blocks, *(ushort*)(blocks + rowBytes), *(ushort*)(blocks + 2 * rowBytes), *(ushort*)(blocks + 3 * rowBytes),
            *(ushort*)blocks4, *(ushort*)(blocks4 + rowBytes), *(ushort*)(blocks4 + 2 * rowBytes), *(ushort*)(blocks4 + 3 * rowBytes)));
    }

    /// <summary>Four rows' sums over the two halves of a block: rows 0 to 3 in each half of the register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Quarters(byte* blocks, nint rowBytes, Vector256<sbyte> x) => Avx2.HorizontalAdd(
        Avx2.HorizontalAdd(Products(blocks, x), Products(blocks + rowBytes, x)),
        Avx2.HorizontalAdd(Products(blocks + 2 * rowBytes, x), Products(blocks + 3 * rowBytes, x)));

    /// <summary>The sums of four products each. Where one factor must be unsigned, it is the weight's absolute value, and its sign goes to x.</summary>
    /// <remarks>No sum of two leaves 16 bits: 2 * 128 * 127 is 32,512.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(byte* block, Vector256<sbyte> x)
    {
        Vector256<sbyte> weights = Vector256.Load((sbyte*)block + sizeof(ushort)), signed = Avx2.Sign(x, weights);
        return AvxVnni.IsSupported
            ? AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, Avx2.Abs(weights), signed)
            : Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Avx2.Abs(weights), signed), Vector256<short>.One);
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

    private static float Sum1(byte* blocks, sbyte* x, float* scales, int count)
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
