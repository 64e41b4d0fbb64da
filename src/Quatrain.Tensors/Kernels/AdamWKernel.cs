using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>The optimizer's passes over flat parameter buffers: the squared norm for clipping, and the update.</summary>
internal static unsafe class AdamWKernel
{
    /// <summary>
    /// sums[p] = the sum of squares of part p of the gradients, overwritten: one a part, so that adding them up does not depend on the workers.
    /// </summary>
    public static void SumSquares(float* gradients, AdamWPart* parts, int count, double* sums, WorkerPool pool) =>
        pool.Run(new SquaresWork { Gradients = gradients, Parts = parts, Sums = sums }, count);

    /// <summary>
    /// One AdamW step over all parts: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
    /// w = w (1 - rate decay) - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon), where g is the gradient times the clip scale.
    /// </summary>
    /// <remarks>Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019); operations in PyTorch's order.</remarks>
    public static void Update(
        float* weights, float* gradients, float* firstMoment, float* secondMoment, AdamWPart* parts, int count, in AdamWFactors factors, WorkerPool pool) =>
        pool.Run(
            new UpdateWork { Weights = weights, Gradients = gradients, First = firstMoment, Second = secondMoment, Parts = parts, Factors = factors }, count);

    private struct SquaresWork : IWork
    {
        public float* Gradients;
        public AdamWPart* Parts;
        public double* Sums;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int part = start; part < end; part++)
            {
                float* x = Gradients + Parts[part].GradientOffset;
                int i = 0, stop = Parts[part].Count;
                V a = V.Zero, b = V.Zero;
                for (; i + 2 * V.Count <= stop; i += 2 * V.Count)
                {
                    V left = V.Load(x + i), right = V.Load(x + i + V.Count);
                    a = V.MultiplyAdd(left, left, a);
                    b = V.MultiplyAdd(right, right, b);
                }

                double sum = (a + b).Sum();
                for (; i < stop; i++)
                {
                    sum += (double)x[i] * x[i];
                }

                Sums[part] = sum;
            }
        }
    }

    private struct UpdateWork : IWork
    {
        public float* Weights, Gradients, First, Second;
        public AdamWPart* Parts;
        public AdamWFactors Factors;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int part = start; part < end; part++)
            {
                AdamWPart at = Parts[part];
                float keep = at.Decays ? Factors.Keep : 1;
                int done = Loop<V>(at, 0, keep);
                Loop<Lanes1>(at, done, keep);
            }
        }

        private readonly int Loop<V>(in AdamWPart at, int i, float keepFactor)
            where V : unmanaged, ILanes<V>
        {
            long offset = at.GradientOffset;
            int stop = at.Count;
            float* weights = Weights + at.WeightOffset, gradients = Gradients + offset, first = First + offset, second = Second + offset;
            V clip = V.Broadcast(Factors.ClipScale), keep = V.Broadcast(keepFactor);
            V beta1 = V.Broadcast(Factors.Beta1), rest1 = V.Broadcast(Factors.Rest1);
            V beta2 = V.Broadcast(Factors.Beta2), rest2 = V.Broadcast(Factors.Rest2);
            V step = V.Broadcast(Factors.StepSize), correction = V.Broadcast(Factors.SecondCorrection), epsilon = V.Broadcast(Factors.Epsilon);
            for (; i + V.Count <= stop; i += V.Count)
            {
                V g = V.Load(gradients + i) * clip;
                V m = V.MultiplyAdd(beta1, V.Load(first + i), rest1 * g);
                V v = V.MultiplyAdd(beta2, V.Load(second + i), rest2 * g * g);
                m.Store(first + i);
                v.Store(second + i);
                V w = V.Load(weights + i) * keep;
                (w - step * m / (V.Sqrt(v) * correction + epsilon)).Store(weights + i);
            }

            return i;
        }
    }
}

/// <summary>A piece of one parameter's weights: a unit of the optimizer's work.</summary>
/// <param name="WeightOffset">Where it begins in the flat buffer of weights.</param>
/// <param name="GradientOffset">Where it begins in the flat buffers of gradients and moments, which hold nothing of frozen parameters.</param>
/// <param name="Count">Its elements.</param>
/// <param name="Decays">Whether weight decay applies.</param>
internal readonly record struct AdamWPart(long WeightOffset, long GradientOffset, int Count, bool Decays)
{
    /// <summary>The parts of <paramref name="count"/> elements from those offsets on, each as long as a chunk (see <see cref="Chunks"/>).</summary>
    public static IEnumerable<AdamWPart> Of(long weightOffset, long gradientOffset, int count, bool decays)
    {
        for (int chunk = 0; chunk < Chunks.Count(count); chunk++)
        {
            (int start, int end) = Chunks.Range(chunk, chunk + 1, count);
            yield return new AdamWPart(weightOffset + start, gradientOffset + start, end - start, decays);
        }
    }
}

/// <summary>What one AdamW step has in common for all its weights.</summary>
internal readonly record struct AdamWFactors
{
    /// <summary>The factor on every gradient.</summary>
    public required float ClipScale { get; init; }

    /// <summary>1 - learning rate * weight decay, for the parts that decay.</summary>
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
