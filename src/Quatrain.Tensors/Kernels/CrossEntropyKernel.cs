using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Softmax and cross entropy in one: loss[r] = log(sum over v of exp(logits[r, v])) - logits[r, target[r]], in nats.</summary>
internal static unsafe class CrossEntropyKernel
{
    private const int RowsPerUnit = 4;

    /// <summary>
    /// losses[R] and logSums[R] (the log of each row's sum of exponentials), overwritten, from logits[R, V] and targets[R]; the loss of an ignored
    /// row is 0.
    /// </summary>
    public static void Forward(float* logits, int* targets, int ignoreIndex, int rows, int columns, float* losses, float* logSums, WorkerPool pool) =>
        pool.Run(
            new ForwardWork { Logits = logits, Targets = targets, IgnoreIndex = ignoreIndex, Rows = rows, Columns = columns, Losses = losses, LogSums = logSums },
            (rows + RowsPerUnit - 1) / RowsPerUnit);

    /// <summary>
    /// dlogits[R, V] = (softmax(logits) - one-hot(target)) * scale * rowWeights[R], and 0 in ignored rows. Overwritten; may be the logits themselves. Without row
    /// weights all are 1.
    /// </summary>
    public static void Backward(
        float* logits, int* targets, int ignoreIndex, float* logSums, float* rowWeights, float scale, int rows, int columns, float* logitsGrad, WorkerPool pool) =>
        pool.Run(
            new BackwardWork
            {
                Logits = logits,
                Targets = targets,
                IgnoreIndex = ignoreIndex,
                LogSums = logSums,
                RowWeights = rowWeights,
                Scale = scale,
                Rows = rows,
                Columns = columns,
                LogitsGrad = logitsGrad,
            },
            (rows + RowsPerUnit - 1) / RowsPerUnit);

    private struct ForwardWork : IWork
    {
        public float* Logits, Losses, LogSums;
        public int* Targets;
        public int IgnoreIndex, Rows, Columns;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int stop = Math.Min(end * RowsPerUnit, Rows);
            for (int row = start * RowsPerUnit; row < stop; row++)
            {
                float* logits = Logits + (long)row * Columns;
                float logSum = LogSum<V>(logits);
                LogSums[row] = logSum;
                Losses[row] = Targets[row] == IgnoreIndex ? 0 : logSum - logits[Targets[row]];
            }
        }

        private readonly float LogSum<V>(float* logits)
            where V : unmanaged, ILanes<V>
        {
            // Lanes that hold nothing yet stay at the first logit, which is as good a start for the maximum as any.
            V largest = V.Broadcast(logits[0]);
            int i = 0;
            for (; i + V.Count <= Columns; i += V.Count)
            {
                largest = V.Max(largest, V.Load(logits + i));
            }

            float max = largest.Largest();
            for (; i < Columns; i++)
            {
                max = MathF.Max(max, logits[i]);
            }

            V sum = V.Zero, shift = V.Broadcast(max);
            for (i = 0; i + V.Count <= Columns; i += V.Count)
            {
                sum += VectorMath.Exp(V.Load(logits + i) - shift);
            }

            float total = sum.Sum();
            for (; i < Columns; i++)
            {
                total += VectorMath.Exp(new Lanes1(logits[i] - max)).Sum();
            }

            return max + MathF.Log(total);
        }
    }

    private struct BackwardWork : IWork
    {
        public float* Logits, LogSums, RowWeights, LogitsGrad;
        public int* Targets;
        public float Scale;
        public int IgnoreIndex, Rows, Columns;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int stop = Math.Min(end * RowsPerUnit, Rows);
            for (int row = start * RowsPerUnit; row < stop; row++)
            {
                float* grad = LogitsGrad + (long)row * Columns;
                if (Targets[row] == IgnoreIndex)
                {
                    new Span<float>(grad, Columns).Clear();
                    continue;
                }

                float scale = RowWeights is null ? Scale : Scale * RowWeights[row];
                int i = Softmax<V>(row, scale, grad, 0);
                Softmax<Lanes1>(row, scale, grad, i);
                grad[Targets[row]] -= scale;
            }
        }

        private readonly int Softmax<V>(int row, float rowScale, float* grad, int i)
            where V : unmanaged, ILanes<V>
        {
            float* logits = Logits + (long)row * Columns;
            V shift = V.Broadcast(LogSums[row]), scale = V.Broadcast(rowScale);
            for (; i + V.Count <= Columns; i += V.Count)
            {
                (VectorMath.Exp(V.Load(logits + i) - shift) * scale).Store(grad + i);
            }

            return i;
        }
    }
}
