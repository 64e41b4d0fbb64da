using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>Causal multi-head self-attention, between the projection to queries, keys and values and the one after it.</summary>
public static unsafe class CausalAttentionOp
{
    /// <summary>
    /// y[i] = sum over t &lt;= i of dropout(softmax(q[i] . k[t] / sqrt(D))) v[t] for each head.
    /// </summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="qkv">[B, T, 3C]: queries, keys and values side by side, each of H heads of D = C / H.</param>
    /// <param name="headCount">H.</param>
    /// <param name="dropoutRate">On the probabilities, in [0, 1); without effect on a tape that does not record.</param>
    /// <param name="caches">
    /// For each of B sequences, where the keys and values of its earlier positions lie and those of this call are appended; or none. Only on a tape that does
    /// not record.
    /// </param>
    /// <returns>y [B, T, C].</returns>
    /// <exception cref="ArgumentException">The shapes don't fit, or a cache is full.</exception>
    /// <exception cref="InvalidOperationException">A cache on a recording tape: its keys have no gradient to pass on.</exception>
    public static Tensor Forward(Tape tape, Tensor qkv, int headCount, float dropoutRate = 0, ReadOnlySpan<AttentionCache> caches = default)
    {
        Check.Rank(nameof(CausalAttentionOp), "qkv", qkv, 3);
        int batchSize = qkv.Shape[0], length = qkv.Shape[1], width = qkv.Shape[2] / 3;
        if (headCount < 1 || qkv.Shape[2] % (3 * headCount) != 0)
        {
            throw new ArgumentException($"CausalAttentionOp: qkv is {qkv.Shape}; its last size must be three times a multiple of {headCount} heads.");
        }

        if (!caches.IsEmpty)
        {
            return ForwardCached(tape, qkv, new AttentionSizes(batchSize, headCount, width / headCount, length, length), caches);
        }

        AttentionSizes sizes = new(batchSize, headCount, width / headCount, length, length);
        Dropout dropout = tape.Recording && dropoutRate != 0 ? new(dropoutRate, tape.NextDropoutKey()) : Dropout.None;
        Tensor y = tape.NewTensor(new Shape(batchSize, length, width), qkv.RequiresGradient);
        float* logSums = y.RequiresGradient ? tape.Allocate(LogSumCount(sizes)) : null;
        using (Measure(tape, "attention, forward", sizes, products: 2))
        {
            CausalAttentionKernel.Forward(
                Part(qkv.Data, 0, qkv.Shape), Part(qkv.Data, 1, qkv.Shape), Part(qkv.Data, 2, qkv.Shape), sizes, dropout, Rows(y.Data, y.Shape), logSums, tape.Pool);
        }

        if (y.RequiresGradient)
        {
            CausalAttentionNode node = tape.Record<CausalAttentionNode>(y);
            (node.Qkv, node.Sizes, node.Dropout) = (qkv, sizes, dropout);
            node.LogSums = logSums;
        }

        return y;
    }

    /// <summary>What a call takes from the tape to list <paramref name="batchSize"/> sequences with caches, in elements; it gives it back.</summary>
    public static long CachedListSize(int batchSize) => ((long)batchSize * sizeof(CachedSequence) + sizeof(float) - 1) / sizeof(float);

    private static Tensor ForwardCached(Tape tape, Tensor qkv, AttentionSizes sizes, ReadOnlySpan<AttentionCache> caches)
    {
        if (tape.Recording)
        {
            throw new InvalidOperationException("CausalAttentionOp: a key-value cache works only on a tape that does not record.");
        }

        if (caches.Length != sizes.BatchSize)
        {
            throw new ArgumentException($"CausalAttentionOp: there are {caches.Length} caches for {sizes.BatchSize} sequences; there must be one for each.");
        }

        foreach (AttentionCache cache in caches)
        {
            cache.CheckFits(sizes.QueryCount, sizes.HeadCount, sizes.HeadSize);
        }

        Tensor y = tape.NewTensor(new Shape(sizes.BatchSize, sizes.QueryCount, sizes.HeadCount * sizes.HeadSize), requiresGradient: false);
        CachedSequence* cached = (CachedSequence*)tape.Allocate(CachedListSize(sizes.BatchSize));
        long keys = 0;
        for (int b = 0; b < caches.Length; b++)
        {
            caches[b].Append(qkv.Data + (long)b * sizes.QueryCount * qkv.Shape[2], sizes.QueryCount);
            cached[b] = caches[b].Rows;
            keys += cached[b].KeyCount;
            sizes = sizes with { KeyCount = Math.Max(sizes.KeyCount, cached[b].KeyCount) };
        }

        // Where sequences differ in length, what is measured is what their mean would take.
        using (Measure(tape, "attention, cached", sizes with { KeyCount = (int)(keys / caches.Length) }, products: 2))
        {
            CausalAttentionKernel.ForwardCached(Part(qkv.Data, 0, qkv.Shape), cached, sizes, Rows(y.Data, y.Shape), tape.Pool);
        }

        tape.Free(cached, CachedListSize(sizes.BatchSize));
        return y;
    }

    private static long LogSumCount(in AttentionSizes sizes) => (long)sizes.BatchSize * sizes.HeadCount * sizes.QueryCount;

    private static HeadRows Rows(float* data, Shape shape) => new(data, (long)shape[1] * shape[2], shape[2]);

    /// <summary>The queries (0), keys (1) or values (2) of qkv.</summary>
    private static HeadRows Part(float* qkv, int part, Shape shape) => Rows(qkv + part * (shape[2] / 3), shape);

    /// <summary>Counts as the field does: masked positions too, and of the backward pass's products not the one that makes the probabilities again.</summary>
    private static OperationTimer Measure(Tape tape, string name, in AttentionSizes sizes, int products)
    {
        if (tape.Profile is null)
        {
            return default;
        }

        double heads = (double)sizes.BatchSize * sizes.HeadCount;
        double rows = heads * sizes.HeadSize * sizeof(float);
        Operation operation = new(name, sizes.BatchSize * sizes.QueryCount, sizes.HeadCount * sizes.HeadSize, sizes.KeyCount);
        return tape.Profile.Start(
            operation, products * 2 * heads * sizes.QueryCount * sizes.KeyCount * sizes.HeadSize, products * rows * (sizes.QueryCount + sizes.KeyCount));
    }

    private sealed class CausalAttentionNode : Node
    {
        public Tensor Qkv = null!;
        public float* LogSums;
        public AttentionSizes Sizes;
        public Dropout Dropout;

        public override void Backward(Tape tape)
        {
            if (Output.ReplacedByGradient)
            {
                throw new InvalidOperationException("CausalAttentionOp: its result can't be the logits of a loss, which are overwritten, because going back needs it.");
            }

            float* grad = tape.GradientOf(Qkv, out bool accumulate);
            Shape shape = Qkv.Shape;
            using (Measure(tape, "attention, backward", Sizes, products: 4))
            {
                CausalAttentionKernel.Backward(
                    Part(Qkv.Data, 0, shape), Part(Qkv.Data, 1, shape), Part(Qkv.Data, 2, shape), Rows(Output.Data, Output.Shape), LogSums,
                    Rows(Output.GradientData, Output.Shape), Sizes, Dropout, Part(grad, 0, shape), Part(grad, 1, shape), Part(grad, 2, shape),
                    accumulate, tape.Pool);
            }

            tape.Free(LogSums, LogSumCount(Sizes));
        }
    }
}
