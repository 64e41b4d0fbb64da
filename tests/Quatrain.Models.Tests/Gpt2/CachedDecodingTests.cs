using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>With a cache, in pieces of any size, the model gives the very bits it gives when it sees the whole text at once.</summary>
public sealed class CachedDecodingTests
{
    // layers, heads, head size, context, vocabulary, batch size
    public static TheoryData<int, int, int, int, int, int> Sizes => new()
    {
        { 1, 1, 1, 5, 2, 1 },
        { 2, 3, 4, 21, 29, 1 },
        { 2, 3, 4, 21, 29, 3 },
        { 3, 2, 5, 33, 17, 2 },
        { 2, 4, 16, 67, 131, 2 },
        { 1, 2, 64, 40, 500, 1 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Pieces_of_any_length_give_the_bits_of_the_whole(int layers, int heads, int headSize, int context, int vocabulary, int batchSize)
    {
        // Two threads for the whole and one for the parts: the bits must not depend on that either.
        using WorkerPool two = new(2);
        using WorkerPool pool = new(1);
        using Gpt2Model model = Model(layers, heads, headSize, context, vocabulary);
        int[] tokens = TestModels.Tokens(batchSize * context, vocabulary);
        float[] whole = Logits(model, two, tokens, batchSize, cache: null);
        foreach (int[] pieces in Splits(context))
        {
            using KvCache cache = model.NewCache(batchSize);
            foreach (int piece in pieces)
            {
                int start = cache.Length;

                float[] logits = Logits(model, pool, Columns(tokens, batchSize, start, piece), batchSize, cache);

                logits.ShouldBe(Columns(whole, batchSize, start * vocabulary, piece * vocabulary), $"{piece} tokens from {start} on");
            }

            cache.Length.ShouldBe(context);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_shorter_text_gives_the_bits_of_the_longer_ones_beginning(int layers, int heads, int headSize, int context, int vocabulary, int batchSize)
    {
        // Two threads for the whole and one for the parts: the bits must not depend on that either.
        using WorkerPool two = new(2);
        using WorkerPool pool = new(1);
        using Gpt2Model model = Model(layers, heads, headSize, context, vocabulary);
        int[] tokens = TestModels.Tokens(batchSize * context, vocabulary);
        float[] whole = Logits(model, two, tokens, batchSize, cache: null);
        foreach (int length in new[] { 1, 2, 3, context / 2, context - 1, context }.Where(length => length > 0).Distinct())
        {
            int[] beginning = Columns(tokens, batchSize, 0, length);

            Logits(model, pool, beginning, batchSize, cache: null).ShouldBe(Columns(whole, batchSize, 0, length * vocabulary));

            using Tape tape = new(pool, recording: false);
            tape.Begin();
            model.ForwardLast(tape, beginning, batchSize).Values.ToArray()
                .ShouldBe(Columns(whole, batchSize, (length - 1) * vocabulary, vocabulary));
        }
    }

    [Fact]
    public void A_batch_gives_each_sequence_the_bits_it_gets_alone()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        int context = model.ContextLength, size = context * model.VocabularySize;
        int[] tokens = TestModels.Tokens(3 * context, model.VocabularySize);
        float[] together = Logits(model, pool, tokens, 3, cache: null);
        for (int i = 0; i < 3; i++)
        {
            Logits(model, pool, tokens[(i * context)..((i + 1) * context)], 1, cache: null).ShouldBe(together[(i * size)..((i + 1) * size)]);
        }
    }

    [Fact]
    public void A_truncated_cache_goes_on_as_if_the_rest_had_never_been()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        int[] tokens = TestModels.Tokens(model.ContextLength, model.VocabularySize);
        float[] whole = Logits(model, pool, tokens, 1, cache: null);
        using KvCache cache = model.NewCache(1);
        Logits(model, pool, tokens[..7], 1, cache);
        Logits(model, pool, [1, 2, 3, 4, 5], 1, cache);

        cache.Truncate(7);

        Logits(model, pool, tokens[7..], 1, cache).ShouldBe(whole[(7 * model.VocabularySize)..]);
    }

    /// <summary>Sequences of different lengths in one pass, one of which goes on from another's beginning, with the bits each gets alone.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Sequences_of_different_lengths_go_on_together_as_each_would_alone(int threads)
    {
        using WorkerPool pool = new(threads), one = new(1);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        int[][] texts = [.. ((int[])[4, 17, 9, 20]).Select((length, i) => TestModels.Tokens(length, model.VocabularySize, (ulong)i))];
        // The last begins as the second does, and goes on differently.
        texts[1].AsSpan(0, 11).CopyTo(texts[3]);
        using KvCache cache = new(), alone = new();
        foreach (int[] text in texts)
        {
            KvSequence sequence = model.NewSequence(text.Length);
            int known = 0;
            if (text == texts[3])
            {
                sequence.CopyFrom(cache.Sequences[1], known = 11);
            }

            alone.Clear();
            alone.Add(sequence);
            using Tape tape = new(pool, recording: false);
            model.Read(tape, text.AsSpan(known..^1), 1, alone);
            cache.Add(sequence);
        }

        cache.Length.ShouldBe(19);

        float[] logits = Logits(model, pool, [.. texts.Select(text => text[^1])], texts.Length, cache);

        for (int i = 0; i < texts.Length; i++)
        {
            logits[(i * model.VocabularySize)..((i + 1) * model.VocabularySize)].ShouldBe(Logits(model, one, texts[i], 1, cache: null)[^model.VocabularySize..], $"text {i}");
            cache.Sequences[i].Length.ShouldBe(texts[i].Length);
            Should.Throw<ArgumentException>(() => Logits(model, one, [1], 1, new KvCache([cache.Sequences[i]])));
        }
    }

    [Fact]
    public void A_text_longer_than_the_context_is_refused()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        using KvCache cache = model.NewCache(1);
        Logits(model, pool, TestModels.Tokens(20, model.VocabularySize), 1, cache);

        Should.Throw<ArgumentException>(() => Logits(model, pool, [1, 2], 1, cache)).Message.ShouldContain("exceed the context of 21 tokens");
        Should.Throw<ArgumentException>(() => Logits(model, pool, TestModels.Tokens(22, model.VocabularySize), 1, cache: null));
        cache.Length.ShouldBe(20);
    }

    private static Gpt2Model Model(int layers, int heads, int headSize, int context, int vocabulary) => TestModels.Random(new Gpt2Config
    {
        LayerCount = layers,
        HeadCount = heads,
        EmbeddingSize = heads * headSize,
        ContextLength = context,
        VocabularySize = vocabulary,
    });

    private static IEnumerable<int[]> Splits(int context)
    {
        yield return [context];
        yield return [.. Enumerable.Repeat(1, context)];
        yield return [context - 1, 1];
        yield return [3, .. Enumerable.Repeat(1, context - 3)];
        RandomSource random = new(7);
        List<int> pieces = [];
        for (int rest = context; rest > 0; rest -= pieces[^1])
        {
            pieces.Add(1 + random.NextInt32(Math.Min(rest, 9)));
        }

        yield return [.. pieces];
    }

    private static float[] Logits(Gpt2Model model, WorkerPool pool, int[] tokens, int batchSize, KvCache? cache)
    {
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        return model.Forward(tape, tokens, batchSize, cache).Values.ToArray();
    }

    /// <summary>Of each row of a batch, <paramref name="count"/> elements from <paramref name="start"/> on.</summary>
    private static T[] Columns<T>(T[] values, int batchSize, int start, int count)
    {
        int length = values.Length / batchSize;
        return [.. Enumerable.Range(0, batchSize).SelectMany(b => values.AsSpan((b * length) + start, count).ToArray())];
    }
}
