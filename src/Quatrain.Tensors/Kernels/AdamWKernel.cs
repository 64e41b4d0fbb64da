using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>The optimizer's passes over flat parameter buffers: the squared norm for clipping, and the update.</summary>
internal static unsafe class AdamWKernel
{
    /// <summary>
    /// sums[c] = the sum of squares of chunk c of x[count] (see <see cref="Chunks"/>), overwritten; added up in order they do not depend
    /// on the workers.
    /// </summary>
    public static void SumSquares(float* x, int count, double* sums, WorkerPool pool) =>
        pool.Run(new SquaresWork { X = x, Count = count, Sums = sums }, Chunks.Count(count));

    /// <summary>
    /// One AdamW step: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
    /// w = w (1 - rate decay) - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon), where g is the gradient times the clip scale.
    /// </summary>
    /// <remarks>Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019); operations in PyTorch's order.</remarks>
    public static void Update(float* weights, float* gradients, float* firstMoment, float* secondMoment, int count, in AdamWFactors factors, WorkerPool pool) =>
        pool.Run(
            new UpdateWork { Weights = weights, Gradients = gradients, First = firstMoment, Second = secondMoment, Count = count, Factors = factors },
            Chunks.Count(count));

    private struct SquaresWork : IWork
    {
        public float* X;
        public int Count;
        public double* Sums;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int chunk = start; chunk < end; chunk++)
            {
                (int i, int stop) = Chunks.Range(chunk, chunk + 1, Count);
                V a = V.Zero, b = V.Zero;
                for (; i + 2 * V.Count <= stop; i += 2 * V.Count)
                {
                    V x = V.Load(X + i), y = V.Load(X + i + V.Count);
                    a = V.MultiplyAdd(x, x, a);
                    b = V.MultiplyAdd(y, y, b);
                }

                double sum = (a + b).Sum();
                for (; i < stop; i++)
                {
                    sum += (double)X[i] * X[i];
                }

                Sums[chunk] = sum;
            }
        }
    }

    private struct UpdateWork : IWork
    {
        public float* Weights, Gradients, First, Second;
        public int Count;
        public AdamWFactors Factors;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            (int i, int stop) = Chunks.Range(start, end, Count);
            i = Loop<V>(i, stop);
            Loop<Lanes1>(i, stop);
        }

        private readonly int Loop<V>(int i, int stop)
            where V : unmanaged, ILanes<V>
        {
            V clip = V.Broadcast(Factors.ClipScale), keep = V.Broadcast(Factors.Keep);
            V beta1 = V.Broadcast(Factors.Beta1), rest1 = V.Broadcast(Factors.Rest1);
            V beta2 = V.Broadcast(Factors.Beta2), rest2 = V.Broadcast(Factors.Rest2);
            V step = V.Broadcast(Factors.StepSize), correction = V.Broadcast(Factors.SecondCorrection), epsilon = V.Broadcast(Factors.Epsilon);
            for (; i + V.Count <= stop; i += V.Count)
            {
                V g = V.Load(Gradients + i) * clip;
                V m = V.MultiplyAdd(beta1, V.Load(First + i), rest1 * g);
                V v = V.MultiplyAdd(beta2, V.Load(Second + i), rest2 * g * g);
                m.Store(First + i);
                v.Store(Second + i);
                V w = V.Load(Weights + i) * keep;
                (w - step * m / (V.Sqrt(v) * correction + epsilon)).Store(Weights + i);
            }

            return i;
        }
    }
}

/// <summary>What one AdamW step has in common for all its weights.</summary>
internal readonly record struct AdamWFactors
{
    /// <summary>The factor on every gradient.</summary>
    public required float ClipScale { get; init; }

    /// <summary>1 - learning rate * weight decay.</summary>
    public required float Keep { get; init; }

    /// <summary>The first moment's decay rate.</summary>
    public required float Beta1 { get; init; }

    /// <summary>1 - beta1, rounded once.</summary>
    public required float Rest1 { get; init; }

    /// <summary>The second moment's decay rate.</summary>
    public required float Beta2 { get; init; }

    /// <summary>1 - beta2, rounded once.</summary>
    public required float Rest2 { get; init; }

    /// <summary>Learning rate / (1 - beta1^t).</summary>
    public required float StepSize { get; init; }

    /// <summary>1 / sqrt(1 - beta2^t).</summary>
    public required float SecondCorrection { get; init; }

    /// <summary>Keeps the division finite.</summary>
    public required float Epsilon { get; init; }
}
