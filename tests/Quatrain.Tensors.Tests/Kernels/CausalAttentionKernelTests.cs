using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;
using Quatrain.Tensors.Tests.Support;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class CausalAttentionKernelTests(ITestOutputHelper output)
{
    private const int BatchSize = 2, Heads = 2;

    private static readonly int[] Lengths = [1, 2, 31, 32, 33, 64, 100];

    public static TheoryData<int> HeadSizes => [1, 4, 8, 20, 32, 33, 64, 96, 128];

    [Theory]
    [MemberData(nameof(HeadSizes))]
    public void Forward_and_backward_agree_with_the_reference(int headSize)
    {
        using WorkerPool pool = new(2);
        double worst = 0, worstGrad = 0;
        int count = 0;
        foreach (int length in Lengths)
        {
            Operands operands = new(headSize, length, length);
            Dropout dropout = count % 2 == 0 ? Dropout.None : new Dropout(0.3f, 7);
            (double error, double gradError) = CompareBoth(operands, dropout, accumulate: count / 2 % 2 == 1, pool);
            worst = Math.Max(worst, error);
            worstGrad = Math.Max(worstGrad, gradError);
            count++;
        }

        output.WriteLine($"worst relative error forward {worst:E1}, backward {worstGrad:E1}");
    }

    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(8, 1, 33)]
    [InlineData(20, 5, 12)]
    [InlineData(33, 32, 64)]
    [InlineData(64, 33, 70)]
    [InlineData(64, 40, 100)]
    [InlineData(128, 1, 100)]
    public void Forward_agrees_with_the_reference_where_earlier_keys_come_from_a_cache(int headSize, int queries, int keys)
    {
        using WorkerPool pool = new(2);
        Operands operands = new(headSize, queries, keys);
        foreach (Dropout dropout in (ReadOnlySpan<Dropout>)[Dropout.None, new Dropout(0.5f, 3)])
        {
            using GuardedMemory memory = new();
            float[] y = operands.Forward(dropout, pool, memory, out _, out _);
            CausalAttentionReference expected = operands.Reference(dropout);
            Closeness.ShouldMatch(y, expected.Y, operands.Roundings(expected), $"{queries} queries of {keys} keys");
        }
    }

    [Fact]
    public void Scores_far_apart_and_far_from_zero_neither_overflow_nor_become_NaN()
    {
        using WorkerPool pool = new(1);
        Operands operands = new(headSize: 8, queries: 33, keys: 33, deviation: 30);
        using GuardedMemory memory = new();
        float[] y = operands.Forward(Dropout.None, pool, memory, out _, out _);
        CausalAttentionReference expected = operands.Reference(Dropout.None);
        expected.LargestScore.ShouldBeGreaterThan(1000);
        Closeness.ShouldMatch(y, expected.Y, operands.Roundings(expected), "large scores");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(20, 33)]
    [InlineData(64, 100)]
    public void The_number_of_threads_does_not_change_a_bit(int headSize, int length)
    {
        foreach (Dropout dropout in new Dropout[] { Dropout.None, new(0.2f, 5) })
        {
            ThreadCounts.ShouldNotMatter("attention", pool =>
            {
                using GuardedMemory memory = new();
                Operands operands = new(headSize, length, length);
                float[] y = operands.Forward(dropout, pool, memory, out float* yData, out float* logSums);
                (float[] q, float[] k, float[] v) = operands.Backward(dropout, false, pool, memory, yData, logSums);
                return [.. y, .. q, .. k, .. v];
            });
        }
    }

    [Fact]
    public void Heads_too_long_to_be_used_where_they_lie_agree_with_the_reference()
    {
        using WorkerPool pool = new(2);
        Operands operands = new(headSize: 128, queries: 290, keys: 290);
        CompareBoth(operands, new Dropout(0.3f, 7), accumulate: false, pool);
        CompareBoth(operands, Dropout.None, accumulate: true, pool);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(64)]
    public void Cutting_heads_into_parts_for_many_threads_does_not_change_a_bit(int headSize)
    {
        Operands operands = new(headSize, queries: 270, keys: 270);
        Dropout dropout = new(0.2f, 5);
        foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
        {
            float[] expected = ForwardAndBackward(threads: 1);
            foreach (int threads in (ReadOnlySpan<int>)[8, 15, 40])
            {
                Closeness.ShouldBeSameBits(ForwardAndBackward(threads), expected, $"attention with {threads} threads for {BatchSize * Heads} heads");
            }

            float[] ForwardAndBackward(int threads)
            {
                using WorkerPool pool = new(threads);
                using GuardedMemory memory = new();
                float[] y = operands.Forward(dropout, pool, memory, out float* yData, out float* logSums);
                (float[] q, float[] k, float[] v) = operands.Backward(dropout, accumulate, pool, memory, yData, logSums);
                memory.ShouldBeIntact();
                return [.. y, .. q, .. k, .. v];
            }
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(20)]
    [InlineData(64)]
    public void A_query_has_the_same_bits_whatever_queries_come_with_it(int headSize)
    {
        const int Keys = 100;
        using WorkerPool pool = new(1);
        Operands operands = new(headSize, Keys, Keys);
        using GuardedMemory memory = new();
        float[] all = operands.Forward(Dropout.None, pool, memory, out _, out _);
        foreach (int queries in (ReadOnlySpan<int>)[1, 2, 7, 17, 33, 99])
        {
            float[] last = operands.Forward(Dropout.None, pool, memory, out _, out _, skip: Keys - queries);
            int row = Heads * headSize;
            for (int b = 0; b < BatchSize; b++)
            {
                Closeness.ShouldBeSameBits(
                    last.AsSpan(b * queries * row, queries * row).ToArray(), all.AsSpan(((b + 1) * Keys - queries) * row, queries * row).ToArray(), $"the last {queries} queries");
            }
        }
    }

    private static (double Forward, double Backward) CompareBoth(Operands operands, Dropout dropout, bool accumulate, WorkerPool pool)
    {
        string what = $"head size {operands.HeadSize}, length {operands.Keys}, dropout {dropout.Active}, accumulate {accumulate}";
        using GuardedMemory memory = new();
        float[] y = operands.Forward(dropout, pool, memory, out float* yData, out float* logSums);
        CausalAttentionReference expected = operands.Reference(dropout);
        double roundings = operands.Roundings(expected);
        double error = Closeness.ShouldMatch(y, expected.Y, roundings, $"y, {what}");
        for (int row = 0; row < expected.LogSums.Length; row++)
        {
            logSums[row].ShouldBe((float)expected.LogSums[row], roundings * Closeness.Rounding, $"log-sum {row}, {what}");
        }

        (float[] q, float[] k, float[] v) = operands.Backward(dropout, accumulate, pool, memory, yData, logSums);
        memory.ShouldBeIntact();
        (ReferenceResult qGrad, ReferenceResult kGrad, ReferenceResult vGrad) = expected.Backward(operands.YGrad);
        foreach (ReferenceResult grad in (ReadOnlySpan<ReferenceResult>)[qGrad, kGrad, vGrad])
        {
            _ = accumulate ? grad.Plus(operands.Before) : grad;
        }

        // Probabilities and row products bring their own errors into the sums, so twice the forward pass's.
        double gradError = Closeness.ShouldMatch(q, qGrad, 2 * roundings, $"dq, {what}");
        gradError = Math.Max(gradError, Closeness.ShouldMatch(k, kGrad, 2 * roundings, $"dk, {what}"));
        gradError = Math.Max(gradError, Closeness.ShouldMatch(v, vGrad, 2 * roundings, $"dv, {what}"));
        return (error, gradError);
    }

    private sealed class Operands
    {
        private readonly float[] _q, _k, _v;
        private readonly int _queries;

        public Operands(int headSize, int queries, int keys, double deviation = 1)
        {
            (HeadSize, _queries, Keys) = (headSize, queries, keys);
            int row = BatchSize * Heads * headSize;
            _q = Values.Normal(row * queries, 11, deviation: deviation);
            _k = Values.Normal(row * keys, 12, deviation: deviation);
            _v = Values.Normal(row * keys, 13);
            YGrad = Values.Normal(row * queries, 14);
            Before = Values.Normal(row * queries, 15);
        }

        public int HeadSize { get; }

        public int Keys { get; }

        public float[] YGrad { get; }

        /// <summary>What gradients that are accumulated into held before.</summary>
        public float[] Before { get; }

        private AttentionSizes Sizes => new(BatchSize, Heads, HeadSize, _queries, Keys);

        public CausalAttentionReference Reference(Dropout dropout) =>
            new(_q, _k, _v, Mask(dropout), BatchSize, Heads, HeadSize, _queries, Keys);

        /// <summary>
        /// The terms of a score make its error, relative to the largest one's terms; the probability takes that over as a relative error, and a
        /// few roundings for its exponential; then come the sum over the keys, and the division.
        /// </summary>
        public double Roundings(CausalAttentionReference reference) => (HeadSize + 8) * (1 + reference.LargestScore) + 2 * Keys + 8;

        /// <summary>y of all queries but the first <paramref name="skip"/> of each sequence.</summary>
        public float[] Forward(Dropout dropout, WorkerPool pool, GuardedMemory memory, out float* y, out float* logSums, int skip = 0)
        {
            int queries = _queries - skip, count = BatchSize * Heads * queries;
            y = memory.New(count * HeadSize);
            logSums = memory.New(count);
            HeadRows q = Rows(memory.Copy(_q), _queries);
            CausalAttentionKernel.Forward(
                new HeadRows(q.Data + skip * q.RowStride, q.BatchStride, q.RowStride), Rows(memory.Copy(_k), Keys), Rows(memory.Copy(_v), Keys),
                Sizes with { QueryCount = queries }, dropout, Rows(y, queries), logSums, pool);
            memory.ShouldBeIntact();
            return new Span<float>(y, count * HeadSize).ToArray();
        }

        public (float[] Q, float[] K, float[] V) Backward(
            Dropout dropout, bool accumulate, WorkerPool pool, GuardedMemory memory, float* y, float* logSums)
        {
            float* q = NewGrad(), k = NewGrad(), v = NewGrad();
            CausalAttentionKernel.Backward(
                Rows(memory.Copy(_q), Keys), Rows(memory.Copy(_k), Keys), Rows(memory.Copy(_v), Keys), Rows(y, Keys), logSums,
                Rows(memory.Copy(YGrad), Keys), Sizes, dropout, Rows(q, Keys), Rows(k, Keys), Rows(v, Keys), accumulate, pool);
            return (new Span<float>(q, _q.Length).ToArray(), new Span<float>(k, _q.Length).ToArray(), new Span<float>(v, _q.Length).ToArray());

            float* NewGrad() => accumulate ? memory.Copy(Before) : memory.New(Before.Length);
        }

        private HeadRows Rows(float* data, int length) => new(data, (long)length * Heads * HeadSize, Heads * HeadSize);

        /// <summary>The factors [B, H, Tq, Tk]: each head is a part, an element's index is the key's position in the upper half and the query's in the lower.</summary>
        private float[] Mask(Dropout dropout)
        {
            float[] mask = new float[BatchSize * Heads * _queries * Keys];
            for (int i = 0; i < mask.Length; i++)
            {
                (int row, int t) = int.DivRem(i, Keys);
                (int part, int query) = int.DivRem(row, _queries);
                uint index = ((uint)t << 16) + (uint)(Keys - _queries + query);
                mask[i] = dropout.Active ? dropout.ForPart(part).Mask<Lanes1>(index).Sum() : 1;
            }

            return mask;
        }
    }
}
