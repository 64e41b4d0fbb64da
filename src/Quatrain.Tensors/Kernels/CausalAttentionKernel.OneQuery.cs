using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class CausalAttentionKernel
{
    /// <summary>
    /// One query a sequence, which is what decoding has: a head's keys and values are read once, from front to back, and memory's speed is the limit. A block of queries
    /// would be one query and empty lanes.
    /// </summary>
    /// <remarks>
    /// Two products of one row, q K^T and p V, whose lanes are keys and parts of a value. Each sum is the chain that a block of queries makes of it, so a token's result has
    /// the same bits whether it comes alone or with others.
    /// </remarks>
    private struct OneQueryWork : IWork
    {
        public HeadRows Q, Y;
        public CachedSequence* Cached;
        public AttentionSizes Sizes;
        public float** Scratch;

        public static long ScratchSize(in AttentionSizes sizes) => RoundUpToLine(sizes.KeyCount) + RoundUpToLine(sizes.HeadSize);

        public readonly void Execute<L>(int start, int end, int worker)
            where L : unmanaged, ILanes<L>
        {
            int size = Sizes.HeadSize;
            for (int unit = start; unit < end; unit++)
            {
                // Head by head, so that each worker has its share of every sequence, however long.
                (int head, int batch) = int.DivRem(unit, Sizes.BatchSize);
                CachedSequence cached = Cached[batch];
                int count = cached.KeyCount;
                float* scores = Scratch[worker], sums = scores + RoundUpToLine(count), y = Y.Head(batch, head, size);
                Operand keys = new(cached.Keys + head * cached.HeadStride, size, transposed: true), values = new(cached.Values + head * cached.HeadStride, size);
                FewRowsKernel.MultiplyRow<L>(Q.Head(batch, head, size), keys, count, size, scores, sums);
                float inverseSum = SoftmaxOfRow<L>(scores, count, Sizes.Scale);
                FewRowsKernel.MultiplyRow<L>(scores, values, size, count, y, sums);
                for (int d = 0; d < size; d++)
                {
                    y[d] *= inverseSum;
                }
            }
        }
    }

    /// <summary>Turns a row of scores into exp(scale (s - max)) and gives 1 / sum. There must be room for a whole last register.</summary>
    private static float SoftmaxOfRow<L>(float* scores, int count, float scale)
        where L : unmanaged, ILanes<L>
    {
        L most = L.Broadcast(Masked), factor = L.Broadcast(scale * Log2E);
        int t = 0;
        for (; t + L.Count <= count; t += L.Count)
        {
            most = L.Max(most, L.Load(scores + t));
        }

        float max = most.Largest();
        for (; t < count; t++)
        {
            max = scores[t] > max ? scores[t] : max;
        }

        for (; t % L.Count != 0; t++)
        {
            scores[t] = max;
        }

        L shift = L.Zero - L.Broadcast(max) * factor;
        for (int i = 0; i < t; i += L.Count)
        {
            VectorMath.PowerOfTwoBelowOne(L.MultiplyAdd(L.Load(scores + i), factor, shift)).Store(scores + i);
        }

        // One after the other, as a lane of a block of queries has them.
        float sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += scores[i];
        }

        return 1 / sum;
    }
}
