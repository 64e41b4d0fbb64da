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
        using AttentionCache cache = new(BatchSize, Length, width);
        int first = 0;
        foreach (int piece in pieces)
        {
            tape.Begin();
            Tensor y = CausalAttentionOp.Forward(tape, Slice(tape, qkv, first, piece, width), Heads, cache: cache);
            for (int b = 0; b < BatchSize; b++)
            {
                Closeness.ShouldBeSameBits(
                    y.Values.Slice(b * piece * width, piece * width), whole.AsSpan((b * Length + first) * width, piece * width), $"positions from {first}");
            }

            first += piece;
            cache.Length.ShouldBe(first);
        }

        first.ShouldBe(Length);
    }

    [Fact]
    public void A_truncated_cache_goes_on_from_where_it_was_cut()
    {
        const int Width = 24;
        float[] qkv = Values.Normal(BatchSize * Length * 3 * Width, 1);
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        using AttentionCache cache = new(BatchSize, Length, Width);
        CausalAttentionOp.Forward(tape, Slice(tape, qkv, 0, 20, Width), Heads, cache: cache);
        float[] expected = CausalAttentionOp.Forward(tape, Slice(tape, qkv, 20, 5, Width), Heads, cache: cache).Values.ToArray();
        CausalAttentionOp.Forward(tape, Slice(tape, qkv, 40, 5, Width), Heads, cache: cache);

        cache.Truncate(20);

        Closeness.ShouldBeSameBits(
            CausalAttentionOp.Forward(tape, Slice(tape, qkv, 20, 5, Width), Heads, cache: cache).Values, expected, "after truncation");
        Should.Throw<ArgumentOutOfRangeException>(() => cache.Truncate(26));
        Should.Throw<ArgumentOutOfRangeException>(() => cache.Truncate(-1));
    }

    [Fact]
    public void What_does_not_fit_the_cache_is_refused()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        using AttentionCache cache = new(BatchSize, 10, 24);
        Tensor qkv = tape.NewTensor(new Shape(BatchSize, 11, 72), requiresGradient: false);
        Tensor wide = tape.NewTensor(new Shape(BatchSize, 1, 36), requiresGradient: false);
        Tensor tall = tape.NewTensor(new Shape(3, 1, 72), requiresGradient: false);

        foreach (Tensor tensor in new[] { qkv, wide, tall })
        {
            Should.Throw<ArgumentException>(() => CausalAttentionOp.Forward(tape, tensor, Heads, cache: cache))
                .Message.ShouldContain("don't fit a cache of 2 sequences, 24 wide, that holds 0 of 10 tokens");
        }

        cache.Length.ShouldBe(0);
    }

    [Fact]
    public void A_cache_on_a_recording_tape_is_refused()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: true);
        using AttentionCache cache = new(1, 10, 24);
        Tensor qkv = tape.NewTensor(new Shape(1, 2, 72), requiresGradient: true);

        Should.Throw<InvalidOperationException>(() => CausalAttentionOp.Forward(tape, qkv, Heads, cache: cache)).Message.ShouldContain("does not record");
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
