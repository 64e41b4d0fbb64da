using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class FewRowsKernel
{
    /// <summary>
    /// B [N, K]: as many of its rows as there are lanes are read at once, and turned in registers so that a lane is a row. A worker's rows are cut into that many
    /// strips, and a lane goes through a strip, so what it reads is one long stream: several of them the machine foresees better than one, or than short rows side by side.
    /// </summary>
    private struct RowWork<E, TActivation> : IWork
        where E : unmanaged, IElements
        where TActivation : unmanaged, IActivation
    {
        // One row of sums in a narrow register has two of them: one chain would wait for itself.
        private const int NarrowLanes = 4;

        public FewRows Rows;
        public byte* B;
        public nint Stride;
        public int N;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int left = start * RowsPerUnit, right = Math.Min(end * RowsPerUnit, N), n = left;
            if (V.Count > 1)
            {
                int registers = V.Count <= NarrowLanes && Rows.Count == 1 ? 2 : 1, lanes = registers * V.Count, strip = (right - left) / lanes;
                for (int i = 0; i < strip; i++)
                {
                    Columns<V>(left + i, strip, registers);
                }

                n = left + strip * lanes;
                for (; n + V.Count <= right; n += V.Count)
                {
                    Columns<V>(n, 1, 1);
                }

                if (n < right && right - left >= V.Count)
                {
                    // A whole register of rows, some of them computed again.
                    Columns<V>(right - V.Count, 1, 1, n - (right - V.Count));
                    n = right;
                }
            }

            for (; n < right; n++)
            {
                Columns<Lanes1>(n, 1, 1);
            }

            Rows.Activate<V, TActivation>(left, right);
        }

        /// <summary>
        /// The columns of the result that are row <paramref name="n"/> and those each <paramref name="strip"/> further on, one a lane; the first <paramref name="done"/> of
        /// them are there already.
        /// </summary>
        private readonly void Columns<V>(int n, int strip, int registers, int done = 0)
            where V : unmanaged, ILanes<V>
        {
            float* sums = stackalloc float[4 * V.Count];
            nint line = strip * Stride * E.Size;
            for (int k = 0; k < Rows.Terms; k += Rows.MaxDepth)
            {
                int depth = Math.Min(Rows.MaxDepth, Rows.Terms - k);
                byte* b = B + (n * Stride + k) * E.Size;
                if (Rows.Count == 1)
                {
                    Sums1<V>(b, line, Rows.A(0, k), depth, registers == 2, sums);
                    Store(sums, 0, n, strip, done, registers * V.Count, k);
                    continue;
                }

                // Four rows at a time; where fewer remain, the last is computed again, which costs less than going through b once more.
                for (int row = 0; row < Rows.Count; row += 4)
                {
                    int last = Math.Min(3, Rows.Count - 1 - row);
                    Sums4<V>(b, line, Rows.A(row, k), Math.Min(1, last) * Rows.Stride, Math.Min(2, last) * Rows.Stride, last * Rows.Stride, depth, sums);
                    for (int i = 0; i <= last; i++)
                    {
                        Store(sums + i * V.Count, row + i, n, strip, done, V.Count, k);
                    }
                }
            }
        }

        /// <summary>Lanes [done, lanes) of the sums of one row, each to its own column.</summary>
        private readonly void Store(float* sums, int row, int n, int strip, int done, int lanes, int k)
        {
            if (Rows.IsPlain(k))
            {
                float* c = Rows.C(row) + n;
                for (int lane = done; lane < lanes; lane++)
                {
                    c[lane * strip] = sums[lane];
                }

                return;
            }

            for (int lane = done; lane < lanes; lane++)
            {
                Rows.End(n + lane * strip, k, out float* c, out nint cStride, out TileEnd end);
                end.StoreRow<Lanes1>(sums + lane, row, 0, 1, c + row * cStride);
            }
        }

        /// <summary>The sums of one row, in one register or a pair.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Sums1<V>(byte* b, nint line, float* a, int depth, bool isPair, float* sums)
            where V : unmanaged, ILanes<V>
        {
            byte* below = b + V.Count * line;
            V l = V.Zero, r = V.Zero;
            int k = 0, terms = 4 * E.InFloat;
            for (; V.Count > 1 && k + terms <= depth; k += terms)
            {
                if (k * E.Size % LineBytes == 0)
                {
                    Prefetch.Streams(b + k * E.Size, line, V.Count);
                }

                Turn(b + k * E.Size, line, out V b0, out V b1, out V b2, out V b3);
                l = Add(a + k, b0, b1, b2, b3, l);
                if (V.Count <= NarrowLanes && isPair)
                {
                    Turn(below + k * E.Size, line, out b0, out b1, out b2, out b3);
                    r = Add(a + k, b0, b1, b2, b3, r);
                }
            }

            l.Store(sums);
            r.Store(sums + V.Count);
            if (k < depth)
            {
                AddRest<V>(b, line, a, k, depth, sums);
                if (isPair)
                {
                    AddRest<V>(below, line, a, k, depth, sums + V.Count);
                }
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Sums4<V>(byte* b, nint line, float* a, nint row1, nint row2, nint row3, int depth, float* sums)
            where V : unmanaged, ILanes<V>
        {
            V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
            int k = 0, terms = 4 * E.InFloat;
            for (; V.Count > 1 && k + terms <= depth; k += terms)
            {
                if (k * E.Size % LineBytes == 0)
                {
                    Prefetch.Streams(b + k * E.Size, line, V.Count);
                }

                Turn(b + k * E.Size, line, out V b0, out V b1, out V b2, out V b3);
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
                AddRest<V>(b, line, a, k, depth, sums);
                AddRest<V>(b, line, a + row1, k, depth, sums + V.Count);
                AddRest<V>(b, line, a + row2, k, depth, sums + 2 * V.Count);
                AddRest<V>(b, line, a + row3, k, depth, sums + 3 * V.Count);
            }
        }

        /// <summary>Four floats, or what lies in their room, of each row as four columns: interleaving rows 0 and 2, then 1 and 3, then the results.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Turn<V>(byte* b, nint line, out V b0, out V b1, out V b2, out V b3)
            where V : unmanaged, ILanes<V>
        {
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
        private static void AddRest<V>(byte* b, nint line, float* a, int k, int depth, float* sums)
            where V : unmanaged, ILanes<V>
        {
            float* column = stackalloc float[V.Count];
            V sum = V.Load(sums);
            for (; k < depth; k++)
            {
                for (int i = 0; i < V.Count; i++)
                {
                    E.Load<Lanes1>(b + i * line + k * E.Size).Store(column + i);
                }

                sum = V.MultiplyAdd(V.Broadcast(a[k]), V.Load(column), sum);
            }

            sum.Store(sums);
        }
    }
}
