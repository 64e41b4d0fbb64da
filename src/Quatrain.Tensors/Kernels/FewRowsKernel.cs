using System.Runtime.CompilerServices;
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
internal static unsafe class FewRowsKernel
{
    /// <summary>The most rows for which reading the weights takes longer than the arithmetic.</summary>
    public const int MostRows = 8;

    /// <summary>The terms that go through a column's sum at a time, so that it is loaded and stored once for all of them.</summary>
    private const int TermsAtOnce = 8;

    // Columns are shared out by cache lines of bfloat16 numbers.
    private const int ColumnsPerUnit = 32;

    // The sums of all rows lie in the second-level cache, 64 KB of them.
    private const int SumFloats = 16 << 10;

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

    private static void Multiply<E, TActivation>(Operand a, Operand b, int m, int n, int k, int depth, in MatMulResult result, WorkerPool pool)
        where E : unmanaged, IElements
        where TActivation : unmanaged, IActivation
    {
        FewRows rows = new(a, m, k, depth, result);
        if (b.Transposed)
        {
            int width = RegisterTile.MachineColumns;
            pool.ReserveScratch(Panels.Size(width, depth, width));
            pool.Run(new PanelWork<E, TActivation> { Rows = rows, B = (byte*)b.Data, Stride = b.Stride, N = n, Scratch = pool.ScratchTable }, (n + width - 1) / width);
        }
        else
        {
            pool.ReserveScratch(SumFloats);
            pool.Run(
                new ColumnWork<E, TActivation> { Rows = rows, B = (byte*)b.Data, Stride = b.Stride, N = n, Scratch = pool.ScratchTable },
                (n + ColumnsPerUnit - 1) / ColumnsPerUnit);
        }
    }

    /// <summary>The left operand, and what becomes of the sums.</summary>
    private readonly struct FewRows(Operand a, int count, int terms, int maxDepth, MatMulResult result)
    {
        public readonly int Count = count, Terms = terms, MaxDepth = maxDepth;
        public readonly nint Stride = a.Stride;

        public float* A(int row, int k) => a.Data + row * a.Stride + k;

        /// <summary>Where a pass that begins at term <paramref name="k"/> goes: the results from column <paramref name="left"/> on.</summary>
        public void End(int left, int k, out float* c, out nint cStride, out TileEnd end)
        {
            c = result.C + left;
            cStride = result.CStride;
            end = k > 0
                ? TileEnd.AddTo(c, cStride)
                : new TileEnd(result.Bias is null ? null : result.Bias + left, result.Addend is null ? null : result.Addend + left, result.AddendStride);
        }

        public void Activate<V, TActivation>(int left, int right)
            where V : unmanaged, ILanes<V>
            where TActivation : unmanaged, IActivation
        {
            for (int row = 0; row < Count && result.Activated is not null; row++)
            {
                float* from = result.C + row * result.CStride, to = result.Activated + row * result.CStride;
                int n = ActivationKernel.Apply<V, TActivation>(from, left, right, to);
                ActivationKernel.Apply<Lanes1, TActivation>(from, n, right, to);
            }
        }
    }

    /// <summary>B [K, N]: some rows of it at a time, from left to right, go into sums that stay in the caches.</summary>
    private struct ColumnWork<E, TActivation> : IWork
        where E : unmanaged, IElements
        where TActivation : unmanaged, IActivation
    {
        public FewRows Rows;
        public byte* B;
        public nint Stride;
        public int N;
        public float** Scratch;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int stop = Math.Min(end * ColumnsPerUnit, N), most = SumFloats / Rows.Count / ColumnsPerUnit * ColumnsPerUnit;
            for (int left = start * ColumnsPerUnit; left < stop; left += most)
            {
                Strip<V>(left, Math.Min(left + most, stop), Scratch[worker], most);
            }
        }

        private readonly void Strip<V>(int left, int right, float* sums, int sumStride)
            where V : unmanaged, ILanes<V>
        {
            for (int first = 0; first < Rows.Terms; first += Rows.MaxDepth)
            {
                int last = Math.Min(first + Rows.MaxDepth, Rows.Terms);
                for (int k = first; k < last; k += TermsAtOnce)
                {
                    int terms = Math.Min(TermsAtOnce, last - k);
                    for (int column = left; column < right; column += BlockColumns)
                    {
                        int count = Math.Min(BlockColumns, right - column);
                        byte* b = B + (k * Stride + column) * E.Size;
                        nint ahead = k + 2 * TermsAtOnce <= Rows.Terms ? TermsAtOnce * Stride * E.Size : 0;
                        for (int row = 0; row < Rows.Count; row++)
                        {
                            Add<V>(Rows.A(row, k), terms, b, count, sums + row * sumStride + (column - left), k == first, row == 0 ? ahead : 0);
                        }
                    }
                }

                Rows.End(left, first, out float* c, out nint cStride, out TileEnd end);
                for (int row = 0; row < Rows.Count; row++)
                {
                    int done = end.StoreRow<V>(sums + row * sumStride, row, 0, right - left, c + row * cStride);
                    end.StoreRow<Lanes1>(sums + row * sumStride, row, done, right - left, c + row * cStride);
                }
            }

            Rows.Activate<V, TActivation>(left, right);
        }

        private readonly void Add<V>(float* a, int terms, byte* b, int count, float* sums, bool first, nint ahead)
            where V : unmanaged, ILanes<V>
        {
            if (terms == TermsAtOnce)
            {
                int done = ahead > 0 ? AddAll<V, Fetching>(a, b, 0, count, sums, first, ahead) : AddAll<V, NoSideWork>(a, b, 0, count, sums, first, ahead);
                AddAll<Lanes1, NoSideWork>(a, b, done, count, sums, first, ahead);
                return;
            }

            for (int k = 0; k < terms; k++)
            {
                byte* line = b + k * Stride * E.Size;
                int done = AddOne<V>(a[k], line, 0, count, sums, first && k == 0);
                AddOne<Lanes1>(a[k], line, done, count, sums, first && k == 0);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly int AddAll<V, P>(float* a, byte* b, int i, int count, float* sums, bool first, nint ahead)
            where V : unmanaged, ILanes<V>
            where P : struct, ISideWork
        {
            nint line = Stride * E.Size;
            V a0 = V.Broadcast(a[0]), a1 = V.Broadcast(a[1]), a2 = V.Broadcast(a[2]), a3 = V.Broadcast(a[3]);
            V a4 = V.Broadcast(a[4]), a5 = V.Broadcast(a[5]), a6 = V.Broadcast(a[6]), a7 = V.Broadcast(a[7]);
            int step = 2 * V.Count;
            byte* b0 = b + i * E.Size, b4 = b0 + 4 * line;
            nint right = V.Count * E.Size;
            for (; i + step <= count; i += step)
            {
                if (P.Fetches)
                {
                    Prefetch.Line((float*)(b0 + ahead));
                    Prefetch.Line((float*)(b0 + line + ahead));
                    Prefetch.Line((float*)(b0 + 2 * line + ahead));
                    Prefetch.Line((float*)(b0 + 3 * line + ahead));
                    Prefetch.Line((float*)(b4 + ahead));
                    Prefetch.Line((float*)(b4 + line + ahead));
                    Prefetch.Line((float*)(b4 + 2 * line + ahead));
                    Prefetch.Line((float*)(b4 + 3 * line + ahead));
                }

                V l = first ? V.Zero : V.Load(sums + i), r = first ? V.Zero : V.Load(sums + i + V.Count);
                l = V.MultiplyAdd(a0, E.Load<V>(b0), l);
                r = V.MultiplyAdd(a0, E.Load<V>(b0 + right), r);
                l = V.MultiplyAdd(a1, E.Load<V>(b0 + line), l);
                r = V.MultiplyAdd(a1, E.Load<V>(b0 + line + right), r);
                l = V.MultiplyAdd(a2, E.Load<V>(b0 + 2 * line), l);
                r = V.MultiplyAdd(a2, E.Load<V>(b0 + 2 * line + right), r);
                l = V.MultiplyAdd(a3, E.Load<V>(b0 + 3 * line), l);
                r = V.MultiplyAdd(a3, E.Load<V>(b0 + 3 * line + right), r);
                l = V.MultiplyAdd(a4, E.Load<V>(b4), l);
                r = V.MultiplyAdd(a4, E.Load<V>(b4 + right), r);
                l = V.MultiplyAdd(a5, E.Load<V>(b4 + line), l);
                r = V.MultiplyAdd(a5, E.Load<V>(b4 + line + right), r);
                l = V.MultiplyAdd(a6, E.Load<V>(b4 + 2 * line), l);
                r = V.MultiplyAdd(a6, E.Load<V>(b4 + 2 * line + right), r);
                l = V.MultiplyAdd(a7, E.Load<V>(b4 + 3 * line), l);
                r = V.MultiplyAdd(a7, E.Load<V>(b4 + 3 * line + right), r);
                l.Store(sums + i);
                r.Store(sums + i + V.Count);
                b0 += step * E.Size;
                b4 += step * E.Size;
            }

            return i;
        }

        private static int AddOne<V>(float a, byte* b, int i, int count, float* sums, bool first)
            where V : unmanaged, ILanes<V>
        {
            V x = V.Broadcast(a);
            for (; i + V.Count <= count; i += V.Count)
            {
                V.MultiplyAdd(x, E.Load<V>(b + i * E.Size), first ? V.Zero : V.Load(sums + i)).Store(sums + i);
            }

            return i;
        }
    }

    /// <summary>B [N, K]: a tile's columns lie in as many of its rows and are turned into a panel, which never leaves the first-level cache.</summary>
    private struct PanelWork<E, TActivation> : IWork
        where E : unmanaged, IElements
        where TActivation : unmanaged, IActivation
    {
        public FewRows Rows;
        public byte* B;
        public nint Stride;
        public int N;
        public float** Scratch;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int width = RegisterTile.Columns<V>();
            float* panel = Scratch[worker];
            float* edge = stackalloc float[MostRows * width];
            for (int unit = start; unit < end; unit++)
            {
                int left = unit * width, right = Math.Min(left + width, N);
                for (int k = 0; k < Rows.Terms; k += Rows.MaxDepth)
                {
                    int depth = Math.Min(Rows.MaxDepth, Rows.Terms - k);
                    Panels.PackRows<E>(B + (left * Stride + k) * E.Size, Stride, right - left, depth, width, panel);
                    Rows.End(left, k, out float* c, out nint cStride, out TileEnd tileEnd);
                    if (right - left == width)
                    {
                        RegisterTile.Multiply<V, RowLayout>(Rows.Count, depth, Rows.A(0, k), Rows.Stride, panel, width, c, cStride, tileEnd);
                        continue;
                    }

                    RegisterTile.Multiply<V, RowLayout>(Rows.Count, depth, Rows.A(0, k), Rows.Stride, panel, width, edge, width, TileEnd.Overwrite);
                    for (int row = 0; row < Rows.Count; row++)
                    {
                        int done = tileEnd.StoreRow<V>(edge + row * width, row, 0, right - left, c + row * cStride);
                        tileEnd.StoreRow<Lanes1>(edge + row * width, row, done, right - left, c + row * cStride);
                    }
                }

                Rows.Activate<V, TActivation>(left, right);
            }
        }
    }
}
