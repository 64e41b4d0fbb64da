using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class FewRowsKernel
{
    /// <summary>B [K, N]: some rows of it at a time, from left to right, go into sums that stay in the caches. A unit of work is a few columns.</summary>
    private struct ColumnWork<E, TActivation> : IWork
        where E : unmanaged, IElements
        where TActivation : unmanaged, IActivation
    {
        public FewRows Rows;
        public ColumnSums<E> Sums;
        public int N;
        public float** Scratch;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int stop = Math.Min(end * ColumnsPerUnit, N), most = SumFloats / Rows.Count / ColumnsPerUnit * ColumnsPerUnit;
            for (int left = start * ColumnsPerUnit; left < stop; left += most)
            {
                int right = Math.Min(left + most, stop);
                for (int first = 0; first < Rows.Terms; first += Rows.MaxDepth)
                {
                    Sums.Compute<V>(Rows, left, right, first, Scratch[worker], most);
                    Rows.Store<V>(Scratch[worker], most, left, right, first);
                }

                Rows.Activate<V, TActivation>(left, right);
            }
        }
    }

    /// <summary>The sums of one pass over rows of B [K, N].</summary>
    private readonly struct ColumnSums<E>(byte* b, nint stride)
        where E : unmanaged, IElements
    {
        /// <summary>Columns [left, right) of the pass that begins at term <paramref name="first"/>, for each of the left operand's rows.</summary>
        public void Compute<V>(in FewRows rows, int left, int right, int first, float* sums, int sumStride)
            where V : unmanaged, ILanes<V>
        {
            int last = Math.Min(first + rows.MaxDepth, rows.Terms), block = rows.Count == 1 ? right - left : BlockColumns;
            // Long pieces of eight rows the machine foresees by itself, if nothing is read between them.
            bool asks = rows.Count > 1 || (right - left) * E.Size < ForeseenPiece;
            for (int k = first; k < last; k += TermsAtOnce)
            {
                int terms = Math.Min(TermsAtOnce, last - k);
                nint ahead = asks && k + 2 * TermsAtOnce <= rows.Terms ? TermsAtOnce * stride * E.Size : 0;
                for (int column = left; column < right; column += block)
                {
                    int count = Math.Min(block, right - column);
                    byte* from = b + (k * stride + column) * E.Size;
                    for (int row = 0; row < rows.Count; row++)
                    {
                        Add<V>(rows.A(row, k), terms, from, count, sums + row * sumStride + (column - left), k == first, row == 0 ? ahead : 0);
                    }
                }
            }
        }

        /// <summary>
        /// All columns of the <see cref="PassesAtOnce"/> passes that begin at term <paramref name="first"/>, a row of each at a time: as many streams that never break off.
        /// For a single row.
        /// </summary>
        public void ComputePasses<V>(in FewRows rows, int columns, int first, float* sums)
            where V : unmanaged, ILanes<V>
        {
            int whole = columns / (E.InFloat * V.Count) * (E.InFloat * V.Count);
            nint pass = rows.MaxDepth * stride * E.Size;
            new Span<float>(sums, PassesAtOnce * columns).Clear();
            for (int k = 0; k < rows.MaxDepth; k++)
            {
                byte* from = b + (first + k) * stride * E.Size;
                AddPasses<V>(rows.A(0, first + k), rows.MaxDepth, from, pass, whole, columns, sums);
                for (int i = 0; i < PassesAtOnce && whole < columns; i++)
                {
                    AddOne<Lanes1>(*rows.A(0, first + i * rows.MaxDepth + k), from + i * pass, whole, columns, sums + i * columns, first: false);
                }
            }

            for (int i = 0; i < PassesAtOnce && E.InFloat > 1; i++)
            {
                PutInOrder<V>(sums + i * columns, whole);
            }
        }

        /// <summary>
        /// A row of each pass, all it holds in a register at a time. Where that is two numbers a lane, the sums of the first ones come before those of the second, until
        /// <see cref="PutInOrder"/>.
        /// </summary>
        private static void AddPasses<V>(float* a, int depth, byte* b0, nint pass, int whole, int columns, float* sums)
            where V : unmanaged, ILanes<V>
        {
            V x0 = V.Broadcast(a[0]), x1 = V.Broadcast(a[depth]), x2 = V.Broadcast(a[2 * depth]);
            float* sums1 = sums + columns, sums2 = sums1 + columns;
            byte* b1 = b0 + pass, b2 = b1 + pass;
            for (int i = 0; i < whole; i += E.InFloat * V.Count)
            {
                nint at = i * E.Size;
                AddPacked(x0, V.Load((float*)(b0 + at)), sums + i);
                AddPacked(x1, V.Load((float*)(b1 + at)), sums1 + i);
                AddPacked(x2, V.Load((float*)(b2 + at)), sums2 + i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void AddPacked<V>(V x, V packed, float* sums)
            where V : unmanaged, ILanes<V>
        {
            V.MultiplyAdd(x, E.Unpack(packed, 0), V.Load(sums)).Store(sums);
            if (E.InFloat > 1)
            {
                V.MultiplyAdd(x, E.Unpack(packed, 1), V.Load(sums + V.Count)).Store(sums + V.Count);
            }
        }

        private static void PutInOrder<V>(float* sums, int count)
            where V : unmanaged, ILanes<V>
        {
            float* block = stackalloc float[2 * V.Count];
            for (; count > 0; count -= 2 * V.Count)
            {
                for (int i = 0; i < V.Count; i++)
                {
                    block[2 * i] = sums[i];
                    block[2 * i + 1] = sums[V.Count + i];
                }

                V.Load(block).Store(sums);
                V.Load(block + V.Count).Store(sums + V.Count);
                sums += 2 * V.Count;
            }
        }

        private void Add<V>(float* a, int terms, byte* from, int count, float* sums, bool first, nint ahead)
            where V : unmanaged, ILanes<V>
        {
            if (terms == TermsAtOnce)
            {
                int done = ahead > 0 ? AddAll<V, Fetching>(a, from, count, sums, first, ahead) : AddAll<V, NoSideWork>(a, from, count, sums, first, ahead);
                done = AddNarrow<V>(a, from, done, count, sums, first);
                AddNarrow<Lanes1>(a, from, done, count, sums, first);
                return;
            }

            for (int k = 0; k < terms; k++)
            {
                byte* line = from + k * stride * E.Size;
                int done = AddOne<V>(a[k], line, 0, count, sums, first && k == 0);
                AddOne<Lanes1>(a[k], line, done, count, sums, first && k == 0);
            }
        }

        /// <summary>Two registers of columns at a time, asking for the lines below where it is told how far below.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private int AddAll<V, P>(float* a, byte* from, int count, float* sums, bool first, nint ahead)
            where V : unmanaged, ILanes<V>
            where P : struct, ISideWork
        {
            nint line = stride * E.Size;
            V a0 = V.Broadcast(a[0]), a1 = V.Broadcast(a[1]), a2 = V.Broadcast(a[2]), a3 = V.Broadcast(a[3]);
            V a4 = V.Broadcast(a[4]), a5 = V.Broadcast(a[5]), a6 = V.Broadcast(a[6]), a7 = V.Broadcast(a[7]);
            int i = 0, step = 2 * V.Count;
            byte* b0 = from, b4 = b0 + 4 * line;
            nint right = V.Count * E.Size;
            for (; i + step <= count; i += step)
            {
                if (P.Fetches && (2 * right >= LineBytes || ((nint)b0 & (LineBytes - 1)) < 2 * right))
                {
                    Ask(b0 + ahead, b4 + ahead, line);
                    if (2 * right > LineBytes)
                    {
                        Ask(b0 + ahead + LineBytes, b4 + ahead + LineBytes, line);
                    }
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

        /// <summary>Asks for a line of each of eight rows, into the second-level cache: in the first they would not last until they are read.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Ask(byte* b0, byte* b4, nint line)
        {
            Prefetch.SoonLine((float*)b0);
            Prefetch.SoonLine((float*)(b0 + line));
            Prefetch.SoonLine((float*)(b0 + 2 * line));
            Prefetch.SoonLine((float*)(b0 + 3 * line));
            Prefetch.SoonLine((float*)b4);
            Prefetch.SoonLine((float*)(b4 + line));
            Prefetch.SoonLine((float*)(b4 + 2 * line));
            Prefetch.SoonLine((float*)(b4 + 3 * line));
        }

        /// <summary>The same, a register of columns at a time: what remains.</summary>
        private int AddNarrow<V>(float* a, byte* b0, int i, int count, float* sums, bool first)
            where V : unmanaged, ILanes<V>
        {
            for (; i + V.Count <= count; i += V.Count)
            {
                byte* from = b0 + i * E.Size;
                V sum = first ? V.Zero : V.Load(sums + i);
                for (int k = 0; k < TermsAtOnce; k++)
                {
                    sum = V.MultiplyAdd(V.Broadcast(a[k]), E.Load<V>(from), sum);
                    from += stride * E.Size;
                }

                sum.Store(sums + i);
            }

            return i;
        }

        private static int AddOne<V>(float a, byte* b0, int i, int count, float* sums, bool first)
            where V : unmanaged, ILanes<V>
        {
            V x = V.Broadcast(a);
            for (; i + V.Count <= count; i += V.Count)
            {
                V.MultiplyAdd(x, E.Load<V>(b0 + i * E.Size), first ? V.Zero : V.Load(sums + i)).Store(sums + i);
            }

            return i;
        }
    }
}
