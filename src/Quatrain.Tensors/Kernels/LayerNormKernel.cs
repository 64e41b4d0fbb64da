using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// Layer norm over the last dimension: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with the variance over C, not C - 1.
/// </summary>
/// <remarks>Source: Ba, Kiros and Hinton, "Layer normalization" (2016). Mean and 1 / deviation of each row are kept for the backward pass.</remarks>
internal static unsafe class LayerNormKernel
{
    private const int RowsPerUnit = 16;

    /// <summary>y[R, C], mean[R] and inverseDeviation[R] from x[R, C], weight[C] and bias[C] (or null); all three are overwritten.</summary>
    public static void Forward(
        float* x, float* weight, float* bias, float epsilon, int rows, int columns, float* y, float* mean, float* inverseDeviation, WorkerPool pool) =>
        pool.Run(new ForwardWork
        {
            X = x,
            Weight = weight,
            Bias = bias,
            Epsilon = epsilon,
            Rows = rows,
            Columns = columns,
            Y = y,
            Mean = mean,
            InverseDeviation = inverseDeviation,
        }, Units(rows));

    /// <summary>The floats <see cref="Backward"/> needs to work in.</summary>
    public static long BackwardWorkspace(int rows, int columns) => 2L * Units(rows) * columns;

    /// <summary>
    /// From dy[R, C]: dx[R, C], dweight[C] and dbias[C], each overwritten or added to. A null gradient is not wanted.
    /// </summary>
    /// <remarks>
    /// With n = (x - mean) / deviation and g = dy * weight: dx = (g - mean(g) - n mean(g n)) / deviation, dweight = sum of dy n and
    /// dbias = sum of dy over rows. Each unit of rows makes sums of its own, which are added up in the order of the units.
    /// </remarks>
    public static void Backward(
        float* x, float* weight, float* mean, float* inverseDeviation, float* yGrad, int rows, int columns,
        float* xGrad, bool accumulateX, float* weightGrad, bool accumulateWeight, float* biasGrad, bool accumulateBias, float* workspace, WorkerPool pool)
    {
        BackwardWork work = new()
        {
            X = x,
            Weight = weight,
            Mean = mean,
            InverseDeviation = inverseDeviation,
            YGrad = yGrad,
            Rows = rows,
            Columns = columns,
            XGrad = xGrad,
            AccumulateX = accumulateX,
            Partial = weightGrad is null && biasGrad is null ? null : workspace,
        };
        pool.Run(work, Units(rows));
        long stride = 2L * columns;
        if (weightGrad is not null)
        {
            ColumnSumKernel.Sum(workspace, stride, Units(rows), columns, weightGrad, accumulateWeight, pool);
        }

        if (biasGrad is not null)
        {
            ColumnSumKernel.Sum(workspace + columns, stride, Units(rows), columns, biasGrad, accumulateBias, pool);
        }
    }

    private static int Units(int rows) => (rows + RowsPerUnit - 1) / RowsPerUnit;

    private struct ForwardWork : IWork
    {
        public float* X, Weight, Bias, Y, Mean, InverseDeviation;
        public float Epsilon;
        public int Rows, Columns;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int stop = Math.Min(end * RowsPerUnit, Rows);
            for (int row = start * RowsPerUnit; row < stop; row++)
            {
                float* x = X + (long)row * Columns;
                float mean = Sum<V>(x, 0, squared: false) / Columns;
                float inverse = 1 / MathF.Sqrt(Sum<V>(x, mean, squared: true) / Columns + Epsilon);
                Mean[row] = mean;
                InverseDeviation[row] = inverse;
                float* y = Y + (long)row * Columns;
                int i = Normalize<V>(x, mean, inverse, y, 0);
                Normalize<Lanes1>(x, mean, inverse, y, i);
            }
        }

        /// <summary>The sum of x - center, or of its square.</summary>
        private readonly float Sum<V>(float* x, float center, bool squared)
            where V : unmanaged, ILanes<V>
        {
            V sum = V.Zero, shift = V.Broadcast(center);
            int i = 0;
            for (; i + V.Count <= Columns; i += V.Count)
            {
                V d = V.Load(x + i) - shift;
                sum = squared ? V.MultiplyAdd(d, d, sum) : sum + d;
            }

            float total = sum.Sum();
            for (; i < Columns; i++)
            {
                float d = x[i] - center;
                total += squared ? d * d : d;
            }

            return total;
        }

        private readonly int Normalize<V>(float* x, float mean, float inverse, float* y, int i)
            where V : unmanaged, ILanes<V>
        {
            V shift = V.Broadcast(mean), scale = V.Broadcast(inverse);
            for (; i + V.Count <= Columns; i += V.Count)
            {
                V n = (V.Load(x + i) - shift) * scale;
                V weight = V.Load(Weight + i);
                (Bias is null ? n * weight : V.MultiplyAdd(n, weight, V.Load(Bias + i))).Store(y + i);
            }

            return i;
        }
    }

    private struct BackwardWork : IWork
    {
        public float* X, Weight, Mean, InverseDeviation, YGrad, XGrad, Partial;
        public int Rows, Columns;
        public bool AccumulateX;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int unit = start; unit < end; unit++)
            {
                float* partial = Partial is null ? null : Partial + 2L * unit * Columns;
                if (partial is not null)
                {
                    new Span<float>(partial, 2 * Columns).Clear();
                }

                int stop = Math.Min((unit + 1) * RowsPerUnit, Rows);
                for (int row = unit * RowsPerUnit; row < stop; row++)
                {
                    Row<V>(row, partial);
                }
            }
        }

        private readonly void Row<V>(int row, float* partial)
            where V : unmanaged, ILanes<V>
        {
            long offset = (long)row * Columns;
            V gradSum = V.Zero, productSum = V.Zero;
            Lanes1 gradRest = Lanes1.Zero, productRest = Lanes1.Zero;
            int i = Sums(row, partial, 0, ref gradSum, ref productSum);
            Sums(row, partial, i, ref gradRest, ref productRest);
            if (XGrad is null)
            {
                return;
            }

            float gradMean = (gradSum.Sum() + gradRest.Sum()) / Columns;
            float productMean = (productSum.Sum() + productRest.Sum()) / Columns;
            i = InputGradient<V>(row, gradMean, productMean, offset, 0);
            InputGradient<Lanes1>(row, gradMean, productMean, offset, i);
        }

        private readonly int Sums<V>(int row, float* partial, int i, ref V gradSum, ref V productSum)
            where V : unmanaged, ILanes<V>
        {
            long offset = (long)row * Columns;
            V shift = V.Broadcast(Mean[row]), scale = V.Broadcast(InverseDeviation[row]);
            V grads = gradSum, products = productSum;
            for (; i + V.Count <= Columns; i += V.Count)
            {
                V n = (V.Load(X + offset + i) - shift) * scale;
                V dy = V.Load(YGrad + offset + i);
                V g = dy * V.Load(Weight + i);
                grads += g;
                products = V.MultiplyAdd(g, n, products);
                if (partial is not null)
                {
                    V.MultiplyAdd(dy, n, V.Load(partial + i)).Store(partial + i);
                    (V.Load(partial + Columns + i) + dy).Store(partial + Columns + i);
                }
            }

            gradSum = grads;
            productSum = products;
            return i;
        }

        private readonly int InputGradient<V>(int row, float gradMean, float productMean, long offset, int i)
            where V : unmanaged, ILanes<V>
        {
            V shift = V.Broadcast(Mean[row]), scale = V.Broadcast(InverseDeviation[row]);
            V gradMeans = V.Broadcast(gradMean), productMeans = V.Broadcast(productMean);
            for (; i + V.Count <= Columns; i += V.Count)
            {
                V n = (V.Load(X + offset + i) - shift) * scale;
                V g = V.Load(YGrad + offset + i) * V.Load(Weight + i);
                V dx = (g - gradMeans - n * productMeans) * scale;
                float* to = XGrad + offset + i;
                (AccumulateX ? V.Load(to) + dx : dx).Store(to);
            }

            return i;
        }
    }
}
