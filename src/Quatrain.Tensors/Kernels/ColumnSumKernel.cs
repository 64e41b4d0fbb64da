using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Sums over rows: the gradient of a bias, and of what was summed by parts.</summary>
internal static unsafe class ColumnSumKernel
{
    private const int ColumnsPerUnit = 64;

    /// <summary>sums[C] = (or +=) the sum over rows of x[R, C], row r beginning at x + r * stride; rows are added in order.</summary>
    public static void Sum(float* x, long stride, int rows, int columns, float* sums, bool accumulate, WorkerPool pool) =>
        pool.Run(
            new Work { X = x, Stride = stride, Rows = rows, Columns = columns, Sums = sums, Accumulate = accumulate },
            (columns + ColumnsPerUnit - 1) / ColumnsPerUnit);

    private struct Work : IWork
    {
        public float* X, Sums;
        public long Stride;
        public int Rows, Columns;
        public bool Accumulate;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int i = start * ColumnsPerUnit, stop = Math.Min(end * ColumnsPerUnit, Columns);
            i = Four<V>(i, stop);
            i = One<V>(i, stop);
            One<Lanes1>(i, stop);
        }

        /// <summary>Four registers side by side, so that a row's visit uses whole cache lines and additions overlap.</summary>
        private readonly int Four<V>(int i, int stop)
            where V : unmanaged, ILanes<V>
        {
            for (; i + 4 * V.Count <= stop; i += 4 * V.Count)
            {
                V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
                float* x = X + i;
                for (int row = 0; row < Rows; row++, x += Stride)
                {
                    a += V.Load(x);
                    b += V.Load(x + V.Count);
                    c += V.Load(x + 2 * V.Count);
                    d += V.Load(x + 3 * V.Count);
                }

                Put(a, i);
                Put(b, i + V.Count);
                Put(c, i + 2 * V.Count);
                Put(d, i + 3 * V.Count);
            }

            return i;
        }

        private readonly int One<V>(int i, int stop)
            where V : unmanaged, ILanes<V>
        {
            for (; i + V.Count <= stop; i += V.Count)
            {
                V sum = V.Zero;
                float* x = X + i;
                for (int row = 0; row < Rows; row++, x += Stride)
                {
                    sum += V.Load(x);
                }

                Put(sum, i);
            }

            return i;
        }

        private readonly void Put<V>(V sum, int i)
            where V : unmanaged, ILanes<V> => (Accumulate ? V.Load(Sums + i) + sum : sum).Store(Sums + i);
    }
}
