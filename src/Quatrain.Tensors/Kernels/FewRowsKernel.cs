using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// The matrix product for a handful of rows, which is what decoding does: nothing of the right operand is used often enough to be worth packing, so memory's speed is the
/// limit, and each worker streams its own part of it once.
/// </summary>
/// <remarks>
/// A lane is a column, and every element is the chain of multiply-adds that <see cref="RegisterTile"/> makes of it, split at the same depths, so a row has the same
/// bits here as in a product of many rows.
/// </remarks>
internal static unsafe partial class FewRowsKernel
{
    /// <summary>The most rows for which reading the weights takes longer than the arithmetic.</summary>
    public const int MostRows = 8;

    /// <summary>The terms that go through a column's sum at a time, so that it is loaded and stored once for all of them.</summary>
    private const int TermsAtOnce = 8;

    // The passes over K whose rows are read side by side where rows are short.
    private const int PassesAtOnce = 3;

    // Columns are shared out by cache lines of bfloat16 numbers.
    private const int ColumnsPerUnit = 32;

    // Rows of [N, K] are shared out by the lanes of the widest register.
    private const int RowsPerUnit = 16;

    // The sums of all rows lie in the second-level cache, 64 KB of them.
    private const int SumFloats = 16 << 10;

    // Pieces of rows shorter than two pages are read slower than whole rows.
    private const int ShortPiece = 8192;

    // A piece of a row that is worth no hints: a page.
    private const int ForeseenPiece = 4096;

    private const int LineBytes = 64;

    // A block of weights that all rows pass by while it is in the first-level cache: 8 KB.
    private const int BlockColumns = 256;

    /// <summary>What <see cref="MatMulKernel"/> says of the result, for at most <see cref="MostRows"/> rows of a left operand that is not transposed.</summary>
    public static void Multiply<TActivation>(Operand a, Operand b, int m, int n, int k, int depth, in MatMulResult result, WorkerPool pool)
        where TActivation : unmanaged, IActivation
    {
        if (b.IsBFloat16)
        {
            Multiply<BFloat16Elements, TActivation>(a, b, m, n, k, depth, result, pool);
        }
        else
        {
            Multiply<Float32Elements, TActivation>(a, b, m, n, k, depth, result, pool);
        }
    }

    /// <summary>c[N] = a[K] b for a right operand of float32, in one pass over K, by the calling worker alone. <paramref name="sums"/> has room for N.</summary>
    public static void MultiplyRow<V>(float* a, Operand b, int n, int k, float* c, float* sums)
        where V : unmanaged, ILanes<V>
    {
        FewRows row = new(new Operand(a, k), 1, k, k, new MatMulResult(c, n, null, null, 0, null));
        if (b.Transposed)
        {
            new RowWork<Float32Elements, Identity> { Rows = row, B = (byte*)b.Data, Stride = b.Stride, N = n }.Execute<V>(0, Units(n, RowsPerUnit), 0);
        }
        else if (n == 8 * V.Count)
        {
            Sums8Registers<V>(a, b.Data, b.Stride, k, c);
        }
        else if (n == 4 * V.Count)
        {
            Sums4Registers<V>(a, b.Data, b.Stride, k, c);
        }
        else
        {
            new ColumnWork<Float32Elements, Identity> { Rows = row, Sums = new((byte*)b.Data, b.Stride), N = n, Scratch = &sums }
                .Execute<V>(0, Units(n, ColumnsPerUnit), 0);
        }
    }

    private static int Units(int count, int perUnit) => (count + perUnit - 1) / perUnit;

    private static void Multiply<E, TActivation>(Operand a, Operand b, int m, int n, int k, int depth, in MatMulResult result, WorkerPool pool)
        where E : unmanaged, IElements
        where TActivation : unmanaged, IActivation
    {
        FewRows rows = new(a, m, k, depth, result);
        if (b.Transposed)
        {
            pool.Run(new RowWork<E, TActivation> { Rows = rows, B = (byte*)b.Data, Stride = b.Stride, N = n }, Units(n, RowsPerUnit));
            return;
        }

        ColumnSums<E> sums = new((byte*)b.Data, b.Stride);
        int passes = Units(k, depth);
        if (passes > 1 && (pool.Threads > 1 || m == 1) && n * E.Size < ShortPiece * pool.Threads)
        {
            pool.ReserveScratch((long)passes * m * n);
            float* passSums = pool.ScratchTable[0];
            pool.Run(new PassWork<E> { Rows = rows, Sums = sums, N = n, PassSums = passSums }, passes * Units(n, ColumnsPerUnit));
            pool.Run(new PassEnd<TActivation> { Rows = rows, N = n, PassSums = passSums }, 1);
            return;
        }

        pool.ReserveScratch(SumFloats);
        pool.Run(
            new ColumnWork<E, TActivation> { Rows = rows, Sums = sums, N = n, Scratch = pool.ScratchTable }, Units(n, ColumnsPerUnit));
    }

    /// <summary>The left operand, and what becomes of the sums.</summary>
    private readonly struct FewRows(Operand a, int count, int terms, int maxDepth, MatMulResult result)
    {
        public readonly int Count = count, Terms = terms, MaxDepth = maxDepth;
        public readonly nint Stride = a.Stride;

        public float* A(int row, int k) => a.Data + row * a.Stride + k;

        /// <summary>The results of a row.</summary>
        public float* C(int row) => result.C + row * result.CStride;

        /// <summary>Whether the sums of the pass that begins at term <paramref name="k"/> are the results.</summary>
        public bool IsPlain(int k) => k == 0 && result.Bias is null && result.Addend is null;

        /// <summary>Where a pass that begins at term <paramref name="k"/> goes: the results from column <paramref name="left"/> on.</summary>
        public void End(int left, int k, out float* c, out nint cStride, out TileEnd end)
        {
            c = result.C + left;
            cStride = result.CStride;
            end = k > 0
                ? TileEnd.AddTo(c, cStride)
                : new TileEnd(result.Bias is null ? null : result.Bias + left, result.Addend is null ? null : result.Addend + left, result.AddendStride);
        }

        /// <summary>The results of columns [left, right) from the sums of the pass that begins at term <paramref name="k"/>.</summary>
        public void Store<V>(float* sums, int sumStride, int left, int right, int k)
            where V : unmanaged, ILanes<V>
        {
            End(left, k, out float* c, out nint cStride, out TileEnd end);
            for (int row = 0; row < Count; row++)
            {
                int done = end.StoreRow<V>(sums + (nint)row * sumStride, row, 0, right - left, c + row * cStride);
                end.StoreRow<Lanes1>(sums + (nint)row * sumStride, row, done, right - left, c + row * cStride);
            }
        }

        public void Activate<V, TActivation>(int left, int right)
            where V : unmanaged, ILanes<V>
            where TActivation : unmanaged, IActivation => result.Activate<V, TActivation>(0, Count, left, right);
    }
}
