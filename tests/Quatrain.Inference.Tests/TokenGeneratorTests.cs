using Quatrain.Inference.Sampling;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;

namespace Quatrain.Inference.Tests;

public sealed class TokenGeneratorTests : IDisposable
{
    private const int VocabularySize = 23;

    private static readonly SamplingOptions Greedy = new() { Temperature = 0 };
    private static readonly SamplingOptions Sampled = new() { Temperature = 1, TopK = 12, RepetitionPenalty = 1.2 };

    private readonly WorkerPool _pool = new(1);

    public void Dispose() => _pool.Dispose();

    // context, prompt, new tokens: within the context, just to its end and past it, prompts of 1 token and longer than the context, contexts of 1 and odd.
    public static TheoryData<int, int, int> Lengths => new()
    {
        { 16, 5, 6 },
        { 16, 1, 16 },
        { 16, 16, 1 },
        { 16, 16, 40 },
        { 16, 3, 60 },
        { 15, 4, 50 },
        { 16, 45, 30 },
        { 1, 1, 10 },
        { 1, 6, 10 },
        { 2, 1, 12 },
        { 3, 2, 14 },
    };

    [Theory]
    [MemberData(nameof(Lengths))]
    public void The_cache_changes_no_token(int contextLength, int promptLength, int newTokens)
    {
        using Gpt2Model model = RandomModel.Create(contextLength, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        int[] prompt = Ids(promptLength);
        foreach (SamplingOptions sampling in new[] { Greedy, Sampled })
        {
            GenerationOptions options = new() { MaxTokens = newTokens, Sampling = sampling, Seed = 11 };
            List<int> ids = [];

            generator.Generate(prompt, options, Into(ids)).ShouldBe(FinishReason.Length);

            ids.ShouldBe(WithoutCache(model, prompt, options));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Past_the_context_a_record_is_gone_on_with_from_its_beginning(int endLength)
    {
        using Gpt2Model model = RandomModel.Create(16, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        GenerationOptions plain = new() { MaxTokens = 80, Sampling = new SamplingOptions { Temperature = 1 }, Seed = 5 };
        List<int> free = WithoutCache(model, Ids(4), plain);
        // An end that comes in the newest half when the context first overflows, so that the rule has something to find.
        GenerationOptions options = plain with { RecordEnd = free.GetRange(13 - endLength - 2, endLength) };
        List<int> ids = [];

        generator.Generate(Ids(4), options, Into(ids)).ShouldBe(FinishReason.Length);

        ids.ShouldBe(WithoutCache(model, Ids(4), options));
        ids.ShouldNotBe(free);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Each_of_many_samples_is_what_its_seed_gives_alone(int threads)
    {
        using WorkerPool pool = new(threads);
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, pool);
        GenerationOptions options = new() { MaxTokens = 30, Sampling = Sampled, Seed = 77 };
        int[] prompt = Ids(5);
        List<int>[] samples = [[], [], [], [], []];

        generator.GenerateMany(prompt, 5, options, (sample, id) =>
        {
            samples[sample].Add(id);
            return true;
        }).ShouldBe(FinishReason.Length);

        for (int i = 0; i < 5; i++)
        {
            ulong seed = i == 0 ? options.Seed : RandomSource.Mix(options.Seed, (ulong)i);
            samples[i].ShouldBe(WithoutCache(model, prompt, options with { Seed = seed }), $"sample {i}");
        }
    }

    [Fact]
    public void A_sample_that_is_complete_gets_no_more_tokens_and_leaves_the_others_as_they_were()
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        GenerationOptions options = new() { MaxTokens = 30, Sampling = Sampled, Seed = 77 };
        int[] lengths = [30, 1, 17];
        List<int>[] samples = [[], [], []];

        FinishReason reason = generator.GenerateMany(Ids(5), 3, options, (sample, id) =>
        {
            samples[sample].Add(id);
            return samples[sample].Count < lengths[sample];
        });

        reason.ShouldBe(FinishReason.Stop);
        for (int i = 0; i < 3; i++)
        {
            ulong seed = i == 0 ? options.Seed : RandomSource.Mix(options.Seed, (ulong)i);
            samples[i].ShouldBe(WithoutCache(model, Ids(5), options with { Seed = seed })[..lengths[i]]);
        }
    }

    [Fact]
    public void The_seed_decides_the_tokens_and_nothing_is_left_over_from_call_to_call()
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        List<int> first = [], other = [], again = [];

        generator.Generate(Ids(3), new GenerationOptions { MaxTokens = 20, Sampling = Sampled, Seed = 1 }, Into(first));
        generator.Generate(Ids(3), new GenerationOptions { MaxTokens = 20, Sampling = Sampled, Seed = 2 }, Into(other));
        generator.Generate(Ids(3), new GenerationOptions { MaxTokens = 20, Sampling = Sampled, Seed = 1 }, Into(again));

        again.ShouldBe(first);
        other.ShouldNotBe(first);
    }

    [Fact]
    public void The_receiver_ends_it_by_returning_false()
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        List<int> ids = [];

        FinishReason reason = generator.Generate(Ids(3), new GenerationOptions { MaxTokens = 20 }, id =>
        {
            ids.Add(id);
            return ids.Count < 7;
        });

        reason.ShouldBe(FinishReason.Stop);
        ids.Count.ShouldBe(7);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void Cancelling_ends_it_before_the_next_token(int after)
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        using CancellationTokenSource source = new();
        List<int> ids = [];
        if (after == 0)
        {
            source.Cancel();
        }

        FinishReason reason = generator.Generate(Ids(3), new GenerationOptions { MaxTokens = 20 }, id =>
        {
            ids.Add(id);
            if (ids.Count == after)
            {
                source.Cancel();
            }

            return true;
        }, source.Token);

        reason.ShouldBe(FinishReason.Cancelled);
        ids.Count.ShouldBe(after);
    }

    [Fact]
    public void A_decoded_token_allocates_nothing()
    {
        using Gpt2Model model = RandomModel.Create(16, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        int[] prompt = Ids(3);
        Allocated(100);

        Allocated(1100).ShouldBe(Allocated(100));

        long Allocated(int tokens)
        {
            GenerationOptions options = new() { MaxTokens = tokens, Sampling = Sampled };
            return Allocation.Least(() => generator.Generate(prompt, options, _ => true));
        }
    }

    [Fact]
    public void Impossible_prompts_and_options_are_refused()
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        GenerationOptions options = new();

        Refusal([], options).ShouldContain("prompt is empty");
        Refusal([0, VocabularySize], options).ShouldContain($"token id {VocabularySize}; this model's ids go from 0 to {VocabularySize - 1}");
        Refusal([-1], options).ShouldContain("token id -1");
        Refusal([0], options with { MaxTokens = 0 }).ShouldContain("tokens to generate is 0");
        Refusal([0], options with { MaxTokens = 10_000_001 }).ShouldContain("between 1 and 10,000,000");
        Refusal([0], options with { Sampling = new SamplingOptions { Temperature = -1 } }).ShouldContain("temperature");
        Should.Throw<ArgumentOutOfRangeException>(() => generator.GenerateMany([0], 0, options, (_, _) => true));

        string Refusal(int[] prompt, GenerationOptions refused) =>
            Should.Throw<InvalidDataException>(() => generator.Generate(prompt, refused, _ => throw new InvalidOperationException())).Message;
    }

    private static Func<int, bool> Into(List<int> ids) => id =>
    {
        ids.Add(id);
        return true;
    };

    private static int[] Ids(int count)
    {
        RandomSource random = new(6);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextInt32(VocabularySize))];
    }

    /// <summary>
    /// The tokens that the documented rule asks for, each from a forward pass over all it may see: the context begins where it did for the token before,
    /// until it would be too long; then its newer half is kept, or what follows the last record end in it, with that end's last token.
    /// </summary>
    private List<int> WithoutCache(Gpt2Model model, int[] prompt, GenerationOptions options)
    {
        Sampler sampler = new(options.Sampling, options.Seed);
        List<int> ids = [.. prompt];
        int contextLength = model.ContextLength;
        int start = Math.Max(0, ids.Count - contextLength);
        using Tape tape = new(_pool, recording: false);
        for (int made = 0; made < options.MaxTokens; made++)
        {
            if (ids.Count - start > contextLength)
            {
                start = ids.Count - Math.Max(1, contextLength / 2);
                int half = start;
                for (int end = half + options.RecordEnd.Count; options.RecordEnd.Count > 0 && end <= ids.Count; end++)
                {
                    start = ids[(end - options.RecordEnd.Count)..end].SequenceEqual(options.RecordEnd) ? end - 1 : start;
                }
            }

            tape.Begin();
            Tensor logits = model.Forward(tape, ids[start..].ToArray(), 1);
            ids.Add(sampler.Next(logits.Values[^VocabularySize..], ids.TakeLast(contextLength).ToArray()));
        }

        return ids[prompt.Length..];
    }
}
