using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class FewRowsKernel
{
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

            if (V.Count > 1 && n < right && right - left >= V.Count)
            {
                // A whole register of rows, some of them computed again.
                Columns<V>(right - V.Count, 1, n - (right - V.Count));
                n = right;
            }

            for (; n < right; n++)
            {
                Columns<Lanes1>(n, 1);
            }

            Rows.Activate<V, TActivation>(left, right);
        }

        /// <summary>
        /// The columns of the result that are the rows from <paramref name="n"/> on, one a lane of one register, or of two; the first <paramref name="done"/> of them are
        /// there already.
        /// </summary>
        private readonly void Columns<V>(int n, int registers, int done = 0)
            where V : unmanaged, ILanes<V>
        {
            float* sums = stackalloc float[4 * V.Count];
            byte* ahead = B + (n + registers * V.Count) * Stride * E.Size;
            for (int k = 0; k < Rows.Terms; k += Rows.MaxDepth)
            {
                int depth = Math.Min(Rows.MaxDepth, Rows.Terms - k);
                byte* b = B + (n * Stride + k) * E.Size;
                Rows.End(n, k, out float* c, out nint cStride, out TileEnd end);
                if (registers == 2)
                {
                    Sums1<V>(b, Rows.A(0, k), depth, ahead + registers * V.Count * k * E.Size, sums);
                    end.StoreRow<V>(sums, 0, 0, 2 * V.Count, c);
                    continue;
                }

                // Four rows at a time; where fewer remain, the last is computed again, which costs less than going through b once more.
                for (int row = 0; row < Rows.Count; row += 4)
                {
                    int last = Math.Min(3, Rows.Count - 1 - row);
                    Sums4<V>(b, Rows.A(row, k), Math.Min(1, last) * Rows.Stride, Math.Min(2, last) * Rows.Stride, last * Rows.Stride, depth, ahead + V.Count * k * E.Size, sums);
                    for (int i = 0; i <= last; i++)
                    {
                        int stored = end.StoreRow<V>(sums + i * V.Count, row + i, done, V.Count, c + (row + i) * cStride);
                        end.StoreRow<Lanes1>(sums + i * V.Count, row + i, stored, V.Count, c + (row + i) * cStride);
                    }
                }
            }
        }

        /// <summary>One row of sums, two registers wide: one chain would wait for itself.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void Sums1<V>(byte* b, float* a, int depth, byte* ahead, float* sums)
            where V : unmanaged, ILanes<V>
        {
            byte* below = b + V.Count * Stride * E.Size;
            V l = V.Zero, r = V.Zero;
            int k = 0, terms = 4 * E.InFloat;
            for (; V.Count > 1 && k + terms <= depth; k += terms)
            {
                Ask<V>(ahead + 2 * V.Count * k * E.Size, 2);
                Turn(b + k * E.Size, out V b0, out V b1, out V b2, out V b3);
                l = Add(a + k, b0, b1, b2, b3, l);
                Turn(below + k * E.Size, out b0, out b1, out b2, out b3);
                r = Add(a + k, b0, b1, b2, b3, r);
            }

            l.Store(sums);
            r.Store(sums + V.Count);
            if (k < depth)
            {
                AddRest<V>(b, a, k, depth, sums);
                AddRest<V>(below, a, k, depth, sums + V.Count);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void Sums4<V>(byte* b, float* a, nint row1, nint row2, nint row3, int depth, byte* ahead, float* sums)
            where V : unmanaged, ILanes<V>
        {
            V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
            int k = 0, terms = 4 * E.InFloat;
            for (; V.Count > 1 && k + terms <= depth; k += terms)
            {
                Ask<V>(ahead + V.Count * k * E.Size, 1);
                Turn(b + k * E.Size, out V b0, out V b1, out V b2, out V b3);
                float* at = a + k;
                s0 = Add(at, b0, b1, b2, b3, s0);
                s1 = Add(at + row1, b0, b1, b2, b3, s1);
                s2 = Add(at + row2, b0, b1, b2, b3, s2);
                s3 = Add(at + row3, b0, b1, b2, b3, s3);
            }

            s0.Store(sums);
            s1.Store(sums + V.Count);
            s2.Store(sums + 2 * V.Count);
            s3.Store(sums + 3 * V.Count);
            if (k < depth)
            {
                AddRest<V>(b, a, k, depth, sums);
                AddRest<V>(b, a + row1, k, depth, sums + V.Count);
                AddRest<V>(b, a + row2, k, depth, sums + 2 * V.Count);
                AddRest<V>(b, a + row3, k, depth, sums + 3 * V.Count);
            }
        }

        /// <summary>
        /// Asks for as many bytes of what comes next as a step over so many registers of rows reads. The rows after these are one piece of memory, and are asked for from
        /// front to back.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Ask<V>(byte* ahead, int registers)
            where V : unmanaged, ILanes<V>
        {
            for (int i = 0; i < registers * V.Count * 4 * sizeof(float); i += LineBytes)
            {
                Prefetch.Line((float*)(ahead + i));
            }
        }

        /// <summary>Four floats, or what lies in their room, of each row as four columns: interleaving rows 0 and 2, then 1 and 3, then the results.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Turn<V>(byte* b, out V b0, out V b1, out V b2, out V b3)
            where V : unmanaged, ILanes<V>
        {
            nint line = Stride * E.Size;
            V r0 = V.LoadQuads(b, line), r1 = V.LoadQuads(b + line, line), r2 = V.LoadQuads(b + 2 * line, line), r3 = V.LoadQuads(b + 3 * line, line);
            V even = V.InterleaveLow(r0, r2), odd = V.InterleaveLow(r1, r3);
            b0 = V.InterleaveLow(even, odd);
            b1 = V.InterleaveHigh(even, odd);
            even = V.InterleaveHigh(r0, r2);
            odd = V.InterleaveHigh(r1, r3);
            b2 = V.InterleaveLow(even, odd);
            b3 = V.InterleaveHigh(even, odd);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Add<V>(float* a, V b0, V b1, V b2, V b3, V sum)
            where V : unmanaged, ILanes<V>
        {
            sum = Add(a, b0, sum);
            sum = Add(a + E.InFloat, b1, sum);
            sum = Add(a + 2 * E.InFloat, b2, sum);
            return Add(a + 3 * E.InFloat, b3, sum);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static V Add<V>(float* a, V packed, V sum)
            where V : unmanaged, ILanes<V>
        {
            sum = V.MultiplyAdd(V.Broadcast(a[0]), E.Unpack(packed, 0), sum);
            return E.InFloat == 1 ? sum : V.MultiplyAdd(V.Broadcast(a[1]), E.Unpack(packed, 1), sum);
        }

        /// <summary>The terms after the last whole quads, a number of each row at a time. By itself, so that the sums above stay in registers.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly void AddRest<V>(byte* b, float* a, int k, int depth, float* sums)
            where V : unmanaged, ILanes<V>
        {
            float* column = stackalloc float[V.Count];
            V sum = V.Load(sums);
            for (; k < depth; k++)
            {
                for (int i = 0; i < V.Count; i++)
                {
                    E.Load<Lanes1>(b + (i * Stride + k) * E.Size).Store(column + i);
                }

                sum = V.MultiplyAdd(V.Broadcast(a[k]), V.Load(column), sum);
            }

            sum.Store(sums);
        }
    }
}
