using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Ops;

public sealed class CausalAttentionOpTests
{
    private const int BatchSize = 2, Heads = 3, Length = 70;

    public static TheoryData<int, int[]> Feeds
    {
        get
        {
            TheoryData<int, int[]> feeds = [];
            foreach (int headSize in (ReadOnlySpan<int>)[1, 8, 20, 33, 64])
            {
                feeds.Add(headSize, [.. Enumerable.Repeat(1, Length)]);
                feeds.Add(headSize, [Length]);
                feeds.Add(headSize, [33, 1, 1, 2, 31, 2]);
                feeds.Add(headSize, [5, 12, 13, 1, 32, 7]);
            }

            return feeds;
        }
    }

    [Theory]
    [MemberData(nameof(Feeds))]
    public void A_cache_fed_in_pieces_gives_the_bits_of_the_whole_sequence(int headSize, int[] pieces)
    {
        int width = Heads * headSize;
        float[] qkv = Values.Normal(BatchSize * Length * 3 * width, 1);
        using WorkerPool pool = new(2);
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        float[] whole = CausalAttentionOp.Forward(tape, Slice(tape, qkv, 0, Length, width), Heads).Values.ToArray();
        AttentionCache[] caches = [new(Length, Heads, headSize), new(Length, Heads, headSize)];
        int first = 0;
        foreach (int piece in pieces)
        {
            tape.Begin();
            Tensor y = CausalAttentionOp.Forward(tape, Slice(tape, qkv, first, piece, width), Heads, caches: caches);
            for (int b = 0; b < BatchSize; b++)
            {
                Closeness.ShouldBeSameBits(
                    y.Values.Slice(b * piece * width, piece * width), whole.AsSpan((b * Length + first) * width, piece * width), $"positions from {first}");
            }

            first += piece;
            caches.ShouldAllBe(cache => cache.Length == first);
        }

        Array.ForEach(caches, cache => cache.Dispose());

        first.ShouldBe(Length);
    }

    [Fact]
    public void A_truncated_cache_goes_on_from_where_it_was_cut()
    {
        const int Width = 24;
        float[] qkv = Values.Normal(BatchSize * Length * 3 * Width, 1);
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        using AttentionCache first = new(Length, Heads, Width / Heads), second = new(Length, Heads, Width / Heads);
        AttentionCache[] caches = [first, second];
        CausalAttentionOp.Forward(tape, Slice(tape, qkv, 0, 20, Width), Heads, caches: caches);
        float[] expected = CausalAttentionOp.Forward(tape, Slice(tape, qkv, 20, 5, Width), Heads, caches: caches).Values.ToArray();
        CausalAttentionOp.Forward(tape, Slice(tape, qkv, 40, 5, Width), Heads, caches: caches);

        first.Truncate(20);
        second.Truncate(20);

        Closeness.ShouldBeSameBits(
            CausalAttentionOp.Forward(tape, Slice(tape, qkv, 20, 5, Width), Heads, caches: caches).Values, expected, "after truncation");
        Should.Throw<ArgumentOutOfRangeException>(() => first.Truncate(26));
        Should.Throw<ArgumentOutOfRangeException>(() => first.Truncate(-1));
    }

    /// <summary>Sequences of different lengths go on together, each as it would alone; and one goes on from a copy of another's beginning.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 64)]
    [InlineData(2, 20)]
    [InlineData(4, 33)]
    public void Each_sequence_has_its_own_length(int threads, int headSize)
    {
        int width = Heads * headSize;
        int[] lengths = [0, 33, 1, 66, 7];
        using WorkerPool pool = new(threads);
        using Tape tape = new(pool, recording: false);
        List<float[]> alone = [];
        AttentionCache[] caches = [.. lengths.Select(_ => new AttentionCache(Length, Heads, headSize))];
        using AttentionCache copied = new(Length, Heads, headSize);
        foreach (int count in (int[])[1, 4])
        {
            Tensor together = tape.NewTensor(new Shape(lengths.Length, count, 3 * width), requiresGradient: false);
            alone.Clear();
            for (int i = 0; i < lengths.Length; i++)
            {
                caches[i].Truncate(0);
                if (lengths[i] > 0)
                {
                    Tensor before = New(lengths[i]);
                    CausalAttentionOp.Forward(tape, before, Heads, caches: [caches[i]]);
                }

                Tensor next = New(count, lengths.Length + i);
                copied.CopyFrom(caches[i], lengths[i]);
                alone.Add(CausalAttentionOp.Forward(tape, next, Heads, caches: [copied]).Values.ToArray());
                next.Values.CopyTo(together.Values[(i * count * 3 * width)..]);
            }

            Tensor y = CausalAttentionOp.Forward(tape, together, Heads, caches: caches);

            for (int i = 0; i < lengths.Length; i++)
            {
                caches[i].Length.ShouldBe(lengths[i] + count);
                Closeness.ShouldBeSameBits(y.Values.Slice(i * count * width, count * width), alone[i], $"{count} tokens after {lengths[i]}");
            }
        }

        Array.ForEach(caches, cache => cache.Dispose());

        Tensor New(int rows, int seed = 0)
        {
            Tensor tensor = tape.NewTensor(new Shape(1, rows, 3 * width), requiresGradient: false);
            Values.Normal(rows * 3 * width, (ulong)(100 + rows + seed)).CopyTo(tensor.Values);
            return tensor;
        }
    }

    [Fact]
    public void What_does_not_fit_the_cache_is_refused()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        using AttentionCache cache = new(10, Heads, 8), other = new(10, Heads, 9), small = new(9, Heads, 8);
        AttentionCache[] caches = [cache, cache];
        Tensor qkv = tape.NewTensor(new Shape(BatchSize, 11, 72), requiresGradient: false);
        Tensor wide = tape.NewTensor(new Shape(BatchSize, 1, 36), requiresGradient: false);
        Tensor tall = tape.NewTensor(new Shape(3, 1, 72), requiresGradient: false);

        Refusal(qkv).ShouldContain("11 tokens of 3 heads, 8 wide, don't fit a cache of 3 heads, 8 wide, that holds 0 of 10 tokens");
        Refusal(wide).ShouldContain("1 tokens of 3 heads, 4 wide, don't fit a cache of 3 heads, 8 wide");
        Refusal(tall).ShouldContain("there are 2 caches for 3 sequences");
        cache.Length.ShouldBe(0);

        CausalAttentionOp.Forward(tape, tape.NewTensor(new Shape(1, 10, 72), requiresGradient: false), Heads, caches: [cache]);
        small.CopyFrom(cache, 9);
        Should.Throw<ArgumentException>(() => small.CopyFrom(cache, 10));
        Should.Throw<ArgumentException>(() => cache.CopyFrom(small, 10));
        Should.Throw<ArgumentException>(() => other.CopyFrom(cache, 1));

        string Refusal(Tensor tensor) => Should.Throw<ArgumentException>(() => CausalAttentionOp.Forward(tape, tensor, Heads, caches: caches)).Message;
    }

    [Fact]
    public void A_cache_on_a_recording_tape_is_refused()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: true);
        using AttentionCache cache = new(10, Heads, 8);
        Tensor qkv = tape.NewTensor(new Shape(1, 2, 72), requiresGradient: true);

        Should.Throw<InvalidOperationException>(() => CausalAttentionOp.Forward(tape, qkv, Heads, caches: [cache])).Message.ShouldContain("does not record");
    }

    [Fact]
    public void A_result_that_became_the_gradient_of_a_loss_can_not_go_back()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: true);
        Tensor qkv = tape.NewTensor(new Shape(1, 2, 72), requiresGradient: true);
        qkv.Values.Clear();
        Tensor loss = CrossEntropyOp.Forward(tape, CausalAttentionOp.Forward(tape, qkv, Heads), [1, 2]);

        Should.Throw<InvalidOperationException>(() => tape.Backward(loss)).Message.ShouldContain("CausalAttentionOp");
    }

    /// <summary>Positions of all sequences of qkv [B, Length, 3C], as a tensor of the tape.</summary>
    private static Tensor Slice(Tape tape, float[] qkv, int first, int count, int width)
    {
        Tensor slice = tape.NewTensor(new Shape(BatchSize, count, 3 * width), requiresGradient: false);
        for (int b = 0; b < BatchSize; b++)
        {
            qkv.AsSpan((b * Length + first) * 3 * width, count * 3 * width).CopyTo(slice.Values[(b * count * 3 * width)..]);
        }

        return slice;
    }
}
