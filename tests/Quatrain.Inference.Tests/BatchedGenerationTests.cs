using Quatrain.Inference.Sampling;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Tests;

/// <summary>What a sequence gets does not depend on what is generated beside it.</summary>
public sealed class BatchedGenerationTests : IDisposable
{
    private const int VocabularySize = 23;

    private readonly WorkerPool _pool = new(1);

    public void Dispose() => _pool.Dispose();

    /// <summary>Prompts of all lengths, past the context too, with their own options, seeds, ends and stop tokens, some beginning as another does.</summary>
    [Theory]
    [InlineData(1, 12, 1, 1)]
    [InlineData(2, 12, 1, 3)]
    [InlineData(3, 12, 4, 3)]
    [InlineData(4, 12, 2, 40)]
    [InlineData(5, 1, 2, 5)]
    [InlineData(6, 7, 3, 2)]
    [InlineData(7, 40, 1, 6)]
    public void Each_sequence_of_a_batch_gets_what_it_gets_alone(int seed, int contextLength, int threads, int batchSize)
    {
        using WorkerPool pool = new(threads);
        using Gpt2Model model = RandomModel.Create(contextLength, VocabularySize);
        Scenario[] scenarios = Scenarios((ulong)seed, contextLength, 25);
        using TokenGenerator batch = new(model, pool), keeps = new(model, pool, keepsCaches: true);
        foreach (Scenario scenario in scenarios)
        {
            // Each alone by a generator of its own, which nothing can have been left in.
            using TokenGenerator single = new(model, _pool);
            scenario.Expect(single.Generate(scenario.Prompt, scenario.Options, scenario.Accept));
        }

        batch.GenerateBatch(scenarios.Select(scenario => scenario.Request()), batchSize);

        scenarios.ShouldAllBe(scenario => scenario.IsAsExpected);
        // With a context of one token there are too few tokens for any to be a stop.
        scenarios.Select(scenario => scenario.Reason).Distinct().Count().ShouldBe(contextLength == 1 ? 1 : 2);
        // Once more, the other way round, by the same generator.
        batch.GenerateBatch(scenarios.Reverse().Select(scenario => scenario.Request()), batchSize + 1);
        scenarios.ShouldAllBe(scenario => scenario.IsAsExpected);
        // By one that keeps its caches: all is there for the second time, in other places.
        keeps.GenerateBatch(scenarios.Select(scenario => scenario.Request()), batchSize);
        scenarios.ShouldAllBe(scenario => scenario.IsAsExpected);
        keeps.GenerateBatch(scenarios.Reverse().Select(scenario => scenario.Request()), batchSize + 1);
        scenarios.ShouldAllBe(scenario => scenario.IsAsExpected);
    }

    /// <summary>A prompt of several chunks, that of another sample copied, and full forward passes all give the same.</summary>
    [Theory]
    [InlineData(TokenGenerator.PromptChunk)]
    [InlineData(TokenGenerator.PromptChunk + 1)]
    [InlineData(2 * TokenGenerator.PromptChunk + 37)]
    public void A_prompt_in_chunks_is_read_as_in_one_go(int length)
    {
        using Gpt2Model model = RandomModel.Create(length + 10, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        using Tape tape = new(_pool, recording: false);
        int[] prompt = Ids(length, 3);
        List<int>[] samples = [[], []];
        GenerationOptions options = new() { MaxTokens = 5, Sampling = new SamplingOptions { Temperature = 0 } };

        generator.GenerateMany(prompt, 2, options, (sample, id) =>
        {
            samples[sample].Add(id);
            return true;
        });

        List<int> ids = [.. prompt];
        for (int i = 0; i < 5; i++)
        {
            tape.Begin();
            float[] logits = model.ForwardLast(tape, ids.ToArray(), 1).Values.ToArray();
            ids.Add(Array.IndexOf(logits, logits.Max()));
        }

        samples[0].ShouldBe(ids[length..]);
        samples[1].ShouldBe(ids[length..]);
    }

    [Fact]
    public void A_pass_holds_no_more_than_a_chunk_of_a_long_prompt()
    {
        using Gpt2Model model = RandomModel.Create(3 * TokenGenerator.PromptChunk, VocabularySize);
        using TokenGenerator generator = new(model, _pool);

        generator.Generate(Ids(3 * TokenGenerator.PromptChunk, 1), new GenerationOptions { MaxTokens = 1 }, _ => true);

        generator.ActivationBytes.ShouldBe(Gpt2Memory.DecodingActivationBytes(model.Config, 1, TokenGenerator.PromptChunk));
    }

    [Fact]
    public void Requests_are_asked_for_one_by_one_as_places_become_free()
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        int begun = 0, completed = 0, most = 0;

        generator.GenerateBatch(Requests(), 3);

        completed.ShouldBe(20);
        most.ShouldBe(3);

        IEnumerable<TokenRequest> Requests()
        {
            for (int i = 0; i < 20; i++)
            {
                most = Math.Max(most, ++begun - completed);
                yield return new TokenRequest(Ids(1 + i, (ulong)i), new GenerationOptions { MaxTokens = 1 + i % 5 }, _ => true) { Completed = _ => completed++ };
            }
        }
    }

    [Fact]
    public void A_stop_token_ends_a_sequence_and_is_not_part_of_it()
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        GenerationOptions options = new() { MaxTokens = 40, Sampling = new SamplingOptions { Temperature = 1 }, Seed = 9 };
        List<int> free = [], ended = [];
        generator.Generate(Ids(3, 1), options, id => Add(free, id));
        int stop = free[10];

        generator.Generate(Ids(3, 1), options with { StopTokens = [VocabularySize, stop] }, id => Add(ended, id)).ShouldBe(FinishReason.Stop);

        ended.ShouldBe(free.TakeWhile(id => id != stop));
        ended.Count.ShouldBeLessThan(11);
    }

    [Fact]
    public void Cancelling_one_sequence_leaves_the_others_and_cancelling_all_completes_what_has_begun()
    {
        using Gpt2Model model = RandomModel.Create(12, VocabularySize);
        using TokenGenerator generator = new(model, _pool);
        using CancellationTokenSource one = new(), all = new();
        FinishReason?[] reasons = new FinishReason?[4];
        int[] counts = new int[4];

        generator.GenerateBatch(Requests(), 2, all.Token);

        reasons.ShouldBe([FinishReason.Cancelled, FinishReason.Length, FinishReason.Cancelled, null]);
        counts[0].ShouldBeInRange(3, 4);
        counts[1].ShouldBe(10);
        counts[3].ShouldBe(0);

        IEnumerable<TokenRequest> Requests()
        {
            for (int i = 0; i < 4; i++)
            {
                int number = i;
                yield return new TokenRequest(Ids(2 + i, 1), new GenerationOptions { MaxTokens = number == 1 ? 10 : 100 }, id =>
                {
                    counts[number]++;
                    if (number == 0 && counts[0] == 3)
                    {
                        one.Cancel();
                    }

                    if (counts[1] == 10)
                    {
                        all.Cancel();
                    }

                    return true;
                })
                {
                    Completed = reason => reasons[number] = reason,
                    Cancellation = number == 0 ? one.Token : CancellationToken.None,
                };
            }
        }
    }

    /// <summary>Between two calls the weights may have changed, as they do while a model is trained: nothing of a call is used in the next.</summary>
    [Fact]
    public void Nothing_that_was_read_outlives_a_call()
    {
        using Gpt2Model model = RandomModel.Create(30, VocabularySize), other = RandomModel.Create(30, VocabularySize, seed: 2);
        using TokenGenerator generator = new(model, _pool), fresh = new(other, _pool);
        GenerationOptions options = new() { MaxTokens = 8, Sampling = new SamplingOptions { Temperature = 0 } };
        List<int> before = [], after = [], expected = [];
        generator.Generate(Ids(9, 1), options, id => Add(before, id));
        foreach ((Parameter to, Parameter from) in model.Parameters.Parameters.Zip(other.Parameters.Parameters))
        {
            from.Tensor.Values.CopyTo(to.Tensor.Values);
        }

        generator.Generate(Ids(9, 1), options, id => Add(after, id));

        fresh.Generate(Ids(9, 1), options, id => Add(expected, id));
        after.ShouldBe(expected);
        after.ShouldNotBe(before);
    }

    private static bool Add(List<int> ids, int id)
    {
        ids.Add(id);
        return true;
    }

    private static int[] Ids(int count, ulong seed)
    {
        RandomSource random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextInt32(VocabularySize))];
    }

    private static Scenario[] Scenarios(ulong seed, int contextLength, int count)
    {
        RandomSource random = new(seed);
        List<Scenario> scenarios = [];
        for (int i = 0; i < count; i++)
        {
            int[] prompt = Ids(1 + random.NextInt32(2 * contextLength), seed * 100 + (ulong)i);
            if (i > 0 && random.NextInt32(2) == 0)
            {
                int[] other = scenarios[random.NextInt32(i)].Prompt;
                other.AsSpan(0, Math.Min(other.Length, 1 + random.NextInt32(prompt.Length))).CopyTo(prompt);
            }

            scenarios.Add(new Scenario
            {
                Prompt = prompt,
                Most = random.NextInt32(3) == 0 ? 1 + random.NextInt32(20) : int.MaxValue,
                Options = new GenerationOptions
                {
                    MaxTokens = 1 + random.NextInt32(3 * contextLength),
                    Sampling = new SamplingOptions
                    {
                        Temperature = random.NextInt32(3) == 0 ? 0 : 1,
                        TopK = random.NextInt32(2) * 9,
                        RepetitionPenalty = random.NextInt32(2) == 0 ? 1 : 1.2,
                    },
                    Seed = (ulong)random.NextInt32(1000),
                    RecordEnd = random.NextInt32(2) == 0 ? [] : [random.NextInt32(VocabularySize)],
                    StopTokens = random.NextInt32(2) == 0 ? [] : [random.NextInt32(VocabularySize)],
                },
            });
        }

        return [.. scenarios];
    }

    /// <summary>A prompt and what came of it, at first and again.</summary>
    private sealed class Scenario
    {
        private List<int> _ids = [];
        private List<int> _expected = [];
        private FinishReason? _reason;

        public required int[] Prompt { get; init; }

        public required GenerationOptions Options { get; init; }

        /// <summary>The receiver wants no more than these.</summary>
        public required int Most { get; init; }

        public FinishReason Reason { get; private set; }

        public bool IsAsExpected => _reason == Reason && _ids.SequenceEqual(_expected);

        public void Expect(FinishReason reason) => (Reason, _expected, _ids) = (reason, _ids, []);

        public bool Accept(int id)
        {
            _ids.Add(id);
            return _ids.Count < Most;
        }

        public TokenRequest Request()
        {
            (_ids, _reason) = ([], null);
            return new TokenRequest(Prompt, Options, Accept) { Completed = reason => _reason = reason };
        }
    }
}
