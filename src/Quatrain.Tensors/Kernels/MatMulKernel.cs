using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// A matrix as a product reads it: element (i, j) at Data[i * Stride + j], or at Data[j * Stride + i] where it is transposed. A right operand may be of bfloat16
/// numbers; then Data is where they begin and strides count them.
/// </summary>
internal readonly unsafe struct Operand(void* data, int stride, bool transposed = false, bool isBFloat16 = false)
{
    public readonly float* Data = (float*)data;
    public readonly nint Stride = stride;
    public readonly bool Transposed = transposed;
    public readonly bool IsBFloat16 = isBFloat16;
}

/// <summary>
/// The matrix product in all the forms a linear layer needs: y = x W + b forward, dx = dy W^T and dW = x^T dy backward.
/// </summary>
/// <remarks>
/// Method: K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), with packed panels and
/// register tiles. Each worker computes one rectangle of the result and packs what it needs by itself, so a product is one hand-over
/// and no worker waits for another. The sums over k are split at multiples of a depth that follows from K alone; so neither the number of
/// workers nor the number of rows changes a bit of the result.
/// </remarks>
internal static unsafe class MatMulKernel
{
    // A panel of b this deep and a tile's share of a fit a first-level cache of 48 KB together. A sum that is not much longer is better done in one pass
    // all the same, because each pass but the first reads the results again.
    private const int MaxDepth = 256;
    private const int MaxDepthOfOnePass = 384;

    /// <summary>
    /// c[M, N] = a[M, K] b[K, N] + bias[N] + addend[M, N].
    /// </summary>
    /// <param name="a">The left operand [M, K].</param>
    /// <param name="b">The right operand [K, N].</param>
    /// <param name="m">M: rows of the result.</param>
    /// <param name="n">N: columns of the result.</param>
    /// <param name="k">K: terms of each sum.</param>
    /// <param name="bias">[N], or null.</param>
    /// <param name="addend">[M, N], or null; <paramref name="c"/> itself to accumulate.</param>
    /// <param name="addendStride">Floats from one row of the addend to the next.</param>
    /// <param name="c">The result [M, N], overwritten; it overlaps no operand but the addend.</param>
    /// <param name="cStride">Floats from one row of the result to the next.</param>
    /// <param name="pool">The workers.</param>
    public static void Multiply(
        Operand a, Operand b, int m, int n, int k, float* bias, float* addend, int addendStride, float* c, int cStride, WorkerPool pool) =>
        Run<Identity>(a, b, m, n, k, new MatMulResult(c, cStride, bias, addend, addendStride, activated: null), pool);

    /// <summary>
    /// The product as <see cref="Multiply"/> has it, with whatever the result asks for: where there is an activation function, it is applied while c is in the caches. The
    /// activated results may be c itself where that is of no use.
    /// </summary>
    public static void Run<TActivation>(Operand a, Operand b, int m, int n, int k, in MatMulResult result, WorkerPool pool)
        where TActivation : unmanaged, IActivation
    {
        if (m == 0 || n == 0)
        {
            return;
        }

        if (m <= FewRowsKernel.MostRows && !a.Transposed && k > 0)
        {
            FewRowsKernel.Multiply<TActivation>(a, b, m, n, k, Depth(k), result, pool);
            return;
        }

        int depth = Depth(k);
        (int gridRows, int gridColumns) = Grid(m, n, RegisterTile.MachineRows, RegisterTile.MachineColumns, pool.Threads);
        pool.ReserveScratch(MatMulRectangle.ScratchSize(depth));
        pool.Run(
            new Work<TActivation>
            {
                A = a,
                B = b,
                M = m,
                N = n,
                K = k,
                Depth = depth,
                Result = result,
                GridRows = gridRows,
                GridColumns = gridColumns,
                Scratch = pool.ScratchTable,
            },
            gridRows * gridColumns);
    }

    /// <summary>The terms of a sum that are added up in one go; follows from K alone.</summary>
    private static int Depth(int k)
    {
        int passes = k <= MaxDepthOfOnePass ? 1 : (k + MaxDepth - 1) / MaxDepth;
        // At least 1, so that the loop over k ends for a sum without terms too (the weight gradient of an empty batch).
        return Math.Max(1, (k + passes - 1) / passes);
    }

    /// <summary>
    /// Splits the result into one rectangle a worker, as near to square as the worker count allows: the operands that workers pack twice
    /// are proportional to the rectangles' half perimeter.
    /// </summary>
    internal static (int Rows, int Columns) Grid(int m, int n, int tileRows, int tileColumns, int workers)
    {
        int rowTiles = (m + tileRows - 1) / tileRows;
        int columnTiles = (n + tileColumns - 1) / tileColumns;
        (int Rows, int Columns) best = (1, 1);
        double bestCost = double.MaxValue;
        for (int rows = 1; rows <= workers; rows++)
        {
            int columns = workers / rows;
            // The slowest worker decides: its tiles, and what it packs (an element packed costs about as much as 12 multiplied in a tile).
            double tall = (rowTiles + rows - 1) / rows * tileRows, wide = (columnTiles + columns - 1) / columns * tileColumns;
            double cost = tall * wide + 12 * (tall + wide);
            if (cost < bestCost)
            {
                bestCost = cost;
                best = (rows, columns);
            }
        }

        return best;
    }

    private struct Work<TActivation> : IWork
        where TActivation : unmanaged, IActivation
    {
        public Operand A, B;
        public int M, N, K, Depth, GridRows, GridColumns;
        public MatMulResult Result;
        public float** Scratch;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int cell = start; cell < end; cell++)
            {
                (int top, int bottom) = Share(M, RegisterTile.Rows<V>(), cell / GridColumns, GridRows);
                (int left, int right) = Share(N, RegisterTile.Columns<V>(), cell % GridColumns, GridColumns);
                if (top == bottom || left == right)
                {
                    continue;
                }

                OperandRange rows = new(A, top, bottom, RegisterTile.Rows<V>(), depthIsContiguous: !A.Transposed);
                OperandRange columns = new(B, left, right, RegisterTile.Columns<V>(), depthIsContiguous: B.Transposed);
                new MatMulRectangle(rows, columns, K, Depth, Result, Scratch[worker]).Compute<V, TActivation>();
            }
        }

        private static (int Start, int End) Share(int size, int tile, int index, int count)
        {
            int tiles = (size + tile - 1) / tile;
            int start = (int)((long)tiles * index / count) * tile;
            int end = (int)((long)tiles * (index + 1) / count) * tile;
            return (start, Math.Min(end, size));
        }
    }
}
