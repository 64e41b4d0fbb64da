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

    // Rows of [N, K] are shared out by the lanes of the widest register.
    private const int RowsPerUnit = 16;

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
            pool.Run(new RowWork<E, TActivation> { Rows = rows, B = (byte*)b.Data, Stride = b.Stride, N = n }, (n + RowsPerUnit - 1) / RowsPerUnit);
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
            where TActivation : unmanaged, IActivation => result.Activate<V, TActivation>(0, Count, left, right);
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
                done = AddNarrow<V>(a, b, done, count, sums, first);
                AddNarrow<Lanes1>(a, b, done, count, sums, first);
                return;
            }

            for (int k = 0; k < terms; k++)
            {
                byte* line = b + k * Stride * E.Size;
                int done = AddOne<V>(a[k], line, 0, count, sums, first && k == 0);
                AddOne<Lanes1>(a[k], line, done, count, sums, first && k == 0);
            }
        }

        /// <summary>Two registers of columns at a time, asking for the lines below where it is told how far below.</summary>
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

        /// <summary>The same, a register of columns at a time: what remains.</summary>
        private readonly int AddNarrow<V>(float* a, byte* b, int i, int count, float* sums, bool first)
            where V : unmanaged, ILanes<V>
        {
            for (; i + V.Count <= count; i += V.Count)
            {
                byte* from = b + i * E.Size;
                V sum = first ? V.Zero : V.Load(sums + i);
                for (int k = 0; k < TermsAtOnce; k++)
                {
                    sum = V.MultiplyAdd(V.Broadcast(a[k]), E.Load<V>(from), sum);
                    from += Stride * E.Size;
                }

                sum.Store(sums + i);
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

    /// <summary>B [N, K]: as many of its rows as there are lanes are read side by side, and turned in registers so that a lane is a row.</summary>
    private struct RowWork<E, TActivation> : IWork
        where E : unmanaged, IElements
        where TActivation : unmanaged, IActivation
    {
        public FewRows Rows;
        public byte* B;
        public nint Stride;
        public int N;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int left = start * RowsPerUnit, right = Math.Min(end * RowsPerUnit, N), n = left;
            for (; V.Count > 1 && Rows.Count == 1 && n + 2 * V.Count <= right; n += 2 * V.Count)
            {
                Columns<V>(n, 2);
            }

            for (; V.Count > 1 && n + V.Count <= right; n += V.Count)
            {
                Columns<V>(n, 1);
            }

            for (; n < right; n++)
            {
                Columns<Lanes1>(n, 1);
            }

            Rows.Activate<V, TActivation>(left, right);
        }

        /// <summary>The columns of the result that are the rows from <paramref name="n"/> on, one a lane of one register, or of two.</summary>
        private readonly void Columns<V>(int n, int registers)
            where V : unmanaged, ILanes<V>
        {
            float* sums = stackalloc float[4 * V.Count];
            for (int k = 0; k < Rows.Terms; k += Rows.MaxDepth)
            {
                int depth = Math.Min(Rows.MaxDepth, Rows.Terms - k);
                byte* b = B + (n * Stride + k) * E.Size;
                Rows.End(n, k, out float* c, out nint cStride, out TileEnd end);
                if (registers == 2)
                {
                    Sums1<V>(b, Rows.A(0, k), depth, sums);
                    end.StoreRow<V>(sums, 0, 0, 2 * V.Count, c);
                    continue;
                }

                // Four rows at a time; where fewer remain, the last is computed again, which costs less than going through b once more.
                for (int row = 0; row < Rows.Count; row += 4)
                {
                    int last = Math.Min(3, Rows.Count - 1 - row);
                    Sums4<V>(b, Rows.A(row, k), Math.Min(1, last) * Rows.Stride, Math.Min(2, last) * Rows.Stride, last * Rows.Stride, depth, sums);
                    for (int i = 0; i <= last; i++)
                    {
                        end.StoreRow<V>(sums + i * V.Count, row + i, 0, V.Count, c + (row + i) * cStride);
                    }
                }
            }
        }

        /// <summary>One row of sums, two registers wide: one chain would wait for itself.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void Sums1<V>(byte* b, float* a, int depth, float* sums)
            where V : unmanaged, ILanes<V>
        {
            byte* below = b + V.Count * Stride * E.Size;
            V l = V.Zero, r = V.Zero;
            int k = 0;
            for (; V.Count > 1 && k + 4 <= depth; k += 4)
            {
                Turn(b + k * E.Size, out V b0, out V b1, out V b2, out V b3);
                l = Add4(a + k, b0, b1, b2, b3, l);
                Turn(below + k * E.Size, out b0, out b1, out b2, out b3);
                r = Add4(a + k, b0, b1, b2, b3, r);
            }

            for (; k < depth; k++)
            {
                l = V.MultiplyAdd(V.Broadcast(a[k]), Gather<V>(b + k * E.Size), l);
                r = V.MultiplyAdd(V.Broadcast(a[k]), Gather<V>(below + k * E.Size), r);
            }

            l.Store(sums);
            r.Store(sums + V.Count);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void Sums4<V>(byte* b, float* a, nint row1, nint row2, nint row3, int depth, float* sums)
            where V : unmanaged, ILanes<V>
        {
            V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
            int k = 0;
            for (; V.Count > 1 && k + 4 <= depth; k += 4)
            {
                Turn(b + k * E.Size, out V b0, out V b1, out V b2, out V b3);
                float* at = a + k;
                s0 = Add4(at, b0, b1, b2, b3, s0);
                s1 = Add4(at + row1, b0, b1, b2, b3, s1);
                s2 = Add4(at + row2, b0, b1, b2, b3, s2);
                s3 = Add4(at + row3, b0, b1, b2, b3, s3);
            }

            for (; k < depth; k++)
            {
                V column = Gather<V>(b + k * E.Size);
                s0 = V.MultiplyAdd(V.Broadcast(a[k]), column, s0);
                s1 = V.MultiplyAdd(V.Broadcast(a[k + row1]), column, s1);
                s2 = V.MultiplyAdd(V.Broadcast(a[k + row2]), column, s2);
                s3 = V.MultiplyAdd(V.Broadcast(a[k + row3]), column, s3);
            }

            s0.Store(sums);
            s1.Store(sums + V.Count);
            s2.Store(sums + 2 * V.Count);
            s3.Store(sums + 3 * V.Count);
        }

        /// <summary>Four numbers of each row as four columns: interleaving rows 0 and 2, then 1 and 3, then the results.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Turn<V>(byte* b, out V b0, out V b1, out V b2, out V b3)
            where V : unmanaged, ILanes<V>
        {
            nint line = Stride * E.Size;
            V r0 = E.LoadQuads<V>(b, Stride), r1 = E.LoadQuads<V>(b + line, Stride);
            V r2 = E.LoadQuads<V>(b + 2 * line, Stride), r3 = E.LoadQuads<V>(b + 3 * line, Stride);
            V even = V.InterleaveLow(r0, r2), odd = V.InterleaveLow(r1, r3);
            b0 = V.InterleaveLow(even, odd);
            b1 = V.InterleaveHigh(even, odd);
            even = V.InterleaveHigh(r0, r2);
            odd = V.InterleaveHigh(r1, r3);
            b2 = V.InterleaveLow(even, odd);
            b3 = V.InterleaveHigh(even, odd);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Add4<V>(float* a, V b0, V b1, V b2, V b3, V sum)
            where V : unmanaged, ILanes<V>
        {
            sum = V.MultiplyAdd(V.Broadcast(a[0]), b0, sum);
            sum = V.MultiplyAdd(V.Broadcast(a[1]), b1, sum);
            sum = V.MultiplyAdd(V.Broadcast(a[2]), b2, sum);
            return V.MultiplyAdd(V.Broadcast(a[3]), b3, sum);
        }

        /// <summary>One number of each row.</summary>
        private readonly V Gather<V>(byte* b)
            where V : unmanaged, ILanes<V>
        {
            float* column = stackalloc float[V.Count];
            for (int i = 0; i < V.Count; i++)
            {
                E.Load<Lanes1>(b + i * Stride * E.Size).Store(column + i);
            }

            return V.Load(column);
        }
    }
}
