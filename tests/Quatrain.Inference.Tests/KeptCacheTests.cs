using Quatrain.Inference.Sampling;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Tests;

/// <summary>Where what a call has read serves the next, each call gets the tokens that a generator without a past gives.</summary>
public sealed class KeptCacheTests : IDisposable
{
    private const int VocabularySize = 23;

    private static readonly GenerationOptions Greedy = new() { MaxTokens = 6, Sampling = new SamplingOptions { Temperature = 0 } };

    private readonly WorkerPool _pool = new(1);

    public void Dispose() => _pool.Dispose();

    /// <summary>Texts that go on, were cut back, or were changed in the middle, within the context and past it, and generations that end in every way.</summary>
    [Theory]
    [InlineData(1, 16, 1)]
    [InlineData(2, 16, 4)]
    [InlineData(3, 15, 2)]
    [InlineData(4, 1, 1)]
    [InlineData(5, 2, 1)]
    [InlineData(6, 100, 2)]
    public void Each_call_gets_what_it_gets_from_a_generator_without_a_past(int seed, int contextLength, int threads)
    {
        using WorkerPool pool = new(threads);
        using Gpt2Model model = RandomModel.Create(contextLength, VocabularySize);
        using TokenGenerator generator = new(model, pool, keepsCaches: true);
        RandomSource random = new((ulong)seed);
        List<int[]> texts = [[3]];
        int cached = 0;
        HashSet<FinishReason> reasons = [];
        for (int i = 0; i < 120; i++)
        {
            int[] text = texts[Math.Max(0, texts.Count - 1 - random.NextInt32(3))];
            int kept = random.NextInt32(2) == 0 ? text.Length : 1 + random.NextInt32(text.Length);
            int[] prompt = [.. text[..kept], .. Ids(random.NextInt32(5), random)];
            GenerationOptions options = new()
            {
                MaxTokens = 1 + random.NextInt32(contextLength),
                Sampling = new SamplingOptions { Temperature = random.NextInt32(2), RepetitionPenalty = random.NextInt32(2) == 0 ? 1 : 1.2 },
                Seed = (ulong)i,
                RecordEnd = random.NextInt32(3) == 0 ? [random.NextInt32(VocabularySize)] : [],
                StopTokens = random.NextInt32(3) == 0 ? [random.NextInt32(VocabularySize)] : [],
            };
            int most = random.NextInt32(2) == 0 ? int.MaxValue : 1 + random.NextInt32(4);
            bool cancels = random.NextInt32(2) == 0;
            using TokenGenerator fresh = new(model, _pool);

            (int[] expected, _, FinishReason expectedReason) = Run(fresh, prompt, options, most, cancels);
            (int[] ids, int known, FinishReason reason) = Run(generator, prompt, options, most, cancels);

            ids.ShouldBe(expected, $"call {i}");
            reason.ShouldBe(expectedReason, $"call {i}");
            cached += known;
            reasons.Add(reason);
            texts.Add([.. prompt, .. ids]);
        }

        if (contextLength > 2)
        {
            cached.ShouldBeGreaterThan(20);
            reasons.Count.ShouldBe(3);
        }
    }

    /// <summary>The last token of a generation was not read, unless one after it was drawn; the last of a prompt always is, as what follows it is wanted.</summary>
    [Fact]
    public void Nothing_is_read_that_was_read_before()
    {
        using Gpt2Model model = RandomModel.Create(60, VocabularySize);
        using TokenGenerator generator = new(model, _pool, keepsCaches: true);
        int[] prompt = [1, 2, 3, 4, 5, 6, 7];
        int[] ids = Cached(prompt, 0);

        // Six tokens, the last of them not read.
        ids = Cached([.. prompt, .. ids, 8, 9], 12);
        Cached([.. prompt, 8], 7);
        Cached([.. prompt, 8], 7);
        Cached(prompt, 6);
        Cached(prompt[..4], 3);
        Cached([1, 2, 5], 2);
        Cached([2, 1], 0);

        // All was read when the stop token was drawn.
        ids = Run(generator, prompt, Greedy).Ids;
        int stop = ids[^1];
        ids = Run(generator, prompt, Greedy with { StopTokens = [stop] }).Ids;
        Cached([.. prompt, .. ids, stop], prompt.Length + ids.Length);

        int[] Cached(int[] text, int expected)
        {
            (int[] made, int known, _) = Run(generator, text, Greedy);
            known.ShouldBe(expected);
            return made;
        }
    }

    [Fact]
    public void A_prompt_whose_reading_was_cancelled_is_gone_on_with()
    {
        const int Chunk = TokenGenerator.PromptChunk;
        using WatchedModel model = new(RandomModel.Create(3 * Chunk, VocabularySize));
        using TokenGenerator generator = new(model, _pool, keepsCaches: true), fresh = new(model, _pool);
        int[] prompt = Ids(2 * Chunk + 9, new RandomSource(4));
        using CancellationTokenSource source = new();
        model.AfterPass = source.Cancel;

        generator.Generate(prompt, Greedy, _ => throw new InvalidOperationException(), source.Token).ShouldBe(FinishReason.Cancelled);

        model.AfterPass = null;
        (int[] ids, int known, _) = Run(generator, prompt, Greedy);
        known.ShouldBe(Chunk);
        ids.ShouldBe(Run(fresh, prompt, Greedy).Ids);
    }

    /// <summary>A cache that can't hold the text any more is copied to one twice as large; one that is not kept is as large as need be.</summary>
    [Fact]
    public void A_text_that_goes_on_is_seldom_copied()
    {
        using WatchedModel model = new(RandomModel.Create(200, VocabularySize));
        using TokenGenerator keeps = new(model, _pool, keepsCaches: true), forgets = new(model, _pool);

        foreach (TokenGenerator generator in new[] { keeps, forgets })
        {
            for (int length = 10; length <= 190; length += 10)
            {
                Run(generator, Ids(length, new RandomSource(1)), Greedy);
            }
        }

        model.Capacities.ShouldBe([1, 16, 32, 64, 128, 200, 1, .. Enumerable.Range(1, 19).Select(i => 10 * i + 6)]);
    }

    /// <summary>A pass that fails may have read, or have read in some layers; and a receiver that throws leaves a sequence that is not over.</summary>
    [Fact]
    public void After_an_error_nothing_is_left()
    {
        using WatchedModel model = new(RandomModel.Create(40, VocabularySize));
        using TokenGenerator generator = new(model, _pool, keepsCaches: true), fresh = new(model, _pool);
        int[] prompt = [1, 2, 3, 4, 5];
        int[] expected = Run(fresh, prompt, Greedy).Ids;
        int passes = 0;
        model.AfterPass = () =>
        {
            if (++passes == 3)
            {
                throw new InsufficientMemoryException();
            }
        };
        Should.Throw<InsufficientMemoryException>(() => Run(generator, prompt, Greedy));
        model.AfterPass = null;

        Repeats(known: 0);
        Repeats(known: 4);
        Should.Throw<OperationCanceledException>(() => generator.Generate(prompt, Greedy, _ => throw new OperationCanceledException()));
        Repeats(known: 0);

        void Repeats(int known)
        {
            (int[] ids, int cached, FinishReason reason) = Run(generator, prompt, Greedy);
            (cached, reason).ShouldBe((known, FinishReason.Length));
            ids.ShouldBe(expected);
        }
    }

    private static (int[] Ids, int Cached, FinishReason Reason) Run(
        TokenGenerator generator, int[] prompt, GenerationOptions options, int most = int.MaxValue, bool cancels = false)
    {
        using CancellationTokenSource source = new();
        List<int> ids = [];
        int cached = -1;
        FinishReason? reason = null;
        generator.GenerateBatch(
            [
                new TokenRequest(prompt, options, id =>
                {
                    ids.Add(id);
                    if (ids.Count == most && cancels)
                    {
                        source.Cancel();
                    }

                    return ids.Count < most || cancels;
                })
                {
                    Started = count => cached = count,
                    Completed = it => reason = it,
                },
            ],
            1, source.Token);
        return ([.. ids], cached, reason!.Value);
    }

    private static int[] Ids(int count, RandomSource random) => [.. Enumerable.Range(0, count).Select(_ => random.NextInt32(VocabularySize))];
}
