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
/// threads nor the registers' width change a bit. A lane is a column: eight rows of the weight go side by side, for one row of x from eight strips, for more of them turned
/// into a panel first.
/// </remarks>
internal static unsafe class Int8Kernel
{
    // Rows of x that all columns pass by while they are in the second-level cache.
    private const int KeptBytes = 256 << 10;

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
        pool.ReserveScratch(m > 1 ? Int8Panel.Size(blocksPerRow) : 0);
        pool.Run(
            new ProductWork<TActivation> { Blocks = blocks, Bytes = bytes, Scales = scales, M = m, N = n, BlocksPerRow = blocksPerRow, Result = result, Scratch = pool.ScratchTable },
            (n + Int8Dot.Rows - 1) / Int8Dot.Rows);
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
            int left = start * Int8Dot.Rows, right = Math.Min(end * Int8Dot.Rows, N);
            int height = Math.Max(KeptBytes / Int8Blocks.Length / BlocksPerRow / Int8Panel.Rows, 1) * Int8Panel.Rows;
            for (int i = 0; M > 1 && i < BlocksPerRow && right - left >= Int8Dot.Rows; i++)
            {
                // Later ones are asked for by those before them.
                Int8Dot.PrefetchBlocks(Blocks + left * RowBytes, i);
            }

            for (int top = 0; top < M; top += height)
            {
                int bottom = Math.Min(top + height, M), column = left;
                if (Avx2.IsSupported && M == 1)
                {
                    column = MultiplyStrips(left, right);
                }
                else if (Avx2.IsSupported)
                {
                    for (; column + Int8Dot.Rows <= right; column += Int8Dot.Rows)
                    {
                        Multiply8(top, bottom, column, Scratch[worker]);
                    }
                }

                for (; column < right; column++)
                {
                    for (int row = top; row < bottom; row++)
                    {
                        float sum = Int8Dot.Sum(Blocks + column * RowBytes, Row(row), RowScales(row), BlocksPerRow);
                        Store<Lanes1>(&sum, row, column);
                    }
                }

                Result.Activate<V, TActivation>(top, bottom, left, right);
            }
        }

        private readonly nint RowBytes => (nint)BlocksPerRow * Int8Blocks.Size;

        private readonly sbyte* Row(int row) => Bytes + (nint)row * BlocksPerRow * Int8Blocks.Length;

        private readonly float* RowScales(int row) => Scales + (nint)row * BlocksPerRow;

        /// <summary>
        /// Columns of the only row, and where they end. They are cut into eight strips, and a lane goes through a strip, so what it reads is one long stream: the machine
        /// foresees eight of those, and short rows side by side not.
        /// </summary>
        private readonly int MultiplyStrips(int left, int right)
        {
            float* sums = stackalloc float[Int8Dot.Rows];
            int strip = (right - left) / Int8Dot.Rows;
            for (int i = 0; i < strip; i++)
            {
                Int8Dot.Sums8(Blocks + (left + i) * RowBytes, strip * RowBytes, Row(0), RowScales(0), BlocksPerRow).Store(sums);
                for (int lane = 0; lane < Int8Dot.Rows; lane++)
                {
                    Store<Lanes1>(sums + lane, 0, left + i + lane * strip);
                }
            }

            return left + strip * Int8Dot.Rows;
        }

        /// <summary>Eight columns of several rows.</summary>
        private readonly void Multiply8(int top, int bottom, int left, float* panel)
        {
            float* sums = stackalloc float[Int8Panel.Rows * Int8Panel.Columns];
            byte* blocks = Blocks + left * RowBytes;
            Int8Panel.Pack(blocks, RowBytes, BlocksPerRow, panel);
            int row = top;
            for (; row + Int8Panel.Rows <= bottom; row += Int8Panel.Rows)
            {
                Int8Panel.Multiply4(panel, BlocksPerRow, Row(row), (nint)BlocksPerRow * Int8Blocks.Length, RowScales(row), BlocksPerRow, sums);
                for (int i = 0; i < Int8Panel.Rows; i++)
                {
                    Store<Lanes8>(sums + i * Int8Panel.Columns, row + i, left);
                }
            }

            for (; row < bottom; row++)
            {
                Int8Panel.Multiply1(panel, BlocksPerRow, Row(row), RowScales(row), sums);
                Store<Lanes8>(sums, row, left);
            }
        }

        private readonly void Store<V>(float* sums, int row, int column)
            where V : unmanaged, ILanes<V>
        {
            TileEnd end = new(Result.Bias is null ? null : Result.Bias + column, Result.Addend is null ? null : Result.Addend + column, Result.AddendStride);
            end.StoreRow<V>(sums, row, 0, V.Count, Result.C + row * Result.CStride + column);
        }
    }
}
