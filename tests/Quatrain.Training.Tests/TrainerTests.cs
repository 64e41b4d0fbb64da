using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Tests;
using Quatrain.Training.Data;
using Quatrain.Training.Options;

namespace Quatrain.Training.Tests;

public sealed class TrainerTests
{
    private static int VocabularySize => SmallRun.Tokenizer.VocabularySize;

    [Theory]
    [InlineData(4, 24, 2, 10, 1)]
    [InlineData(70, 64, 1, 2, 3)]
    public void The_same_seed_gives_the_same_bits_for_any_number_of_threads(int batchSize, int contextLength, int passes, int iterations, int slices)
    {
        // Wide enough that the work of every kind of op is split among three threads.
        TrainingOptions options = SmallRun.Options with
        {
            EmbeddingSize = 48,
            HeadCount = 3,
            ContextLength = contextLength,
            BatchSize = batchSize,
            AccumulationSteps = passes,
            Dropout = 0.2,
            Iterations = iterations,
        };
        new BatchSlices(batchSize, contextLength).Count.ShouldBe(slices);

        (byte[] Weights, byte[] Moments, StepResult[] Results) one = Train(options, 1), two = Train(options, 2), three = Train(options, 3);

        two.Results.ShouldBe(one.Results);
        three.Results.ShouldBe(one.Results);
        two.Weights.AsSpan().SequenceEqual(one.Weights).ShouldBeTrue();
        three.Weights.AsSpan().SequenceEqual(one.Weights).ShouldBeTrue();
        two.Moments.AsSpan().SequenceEqual(one.Moments).ShouldBeTrue();
        three.Moments.AsSpan().SequenceEqual(one.Moments).ShouldBeTrue();
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("dropout")]
    [InlineData("accumulation")]
    public void Whatever_decides_a_step_changes_its_bits(string changed)
    {
        TrainingOptions options = SmallRun.Options with { Dropout = 0.2, AccumulationSteps = 2, Iterations = 2 };
        TrainingOptions other = changed switch
        {
            "seed" => options with { Seed = options.Seed + 1 },
            "dropout" => options with { Dropout = 0.1 },
            _ => options with { AccumulationSteps = 3 },
        };

        Train(other, 1).Weights.ShouldNotBe(Train(options, 1).Weights);
    }

    /// <summary>
    /// Passes and slices against one pass over all their windows. The sums are made in another order, so the results agree within rounding.
    /// </summary>
    [Theory]
    [InlineData(4, 16, 2, 1)]
    [InlineData(64, 64, 1, 2)]
    [InlineData(70, 64, 1, 3)]
    [InlineData(33, 64, 2, 2)]
    public void Passes_and_slices_equal_one_pass_over_all_their_windows(int batchSize, int contextLength, int passes, int slices)
    {
        TrainingOptions options = SmallRun.Options with { BatchSize = batchSize, ContextLength = contextLength, AccumulationSteps = passes };
        new BatchSlices(batchSize, contextLength).Count.ShouldBe(slices);
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.RandomModel(options, VocabularySize), twin = SmallRun.RandomModel(options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, options, pool);
        using AdamW optimizer = new(twin.Parameters, new AdamWOptions());
        using Tape tape = new(pool, recording: true);
        int size = batchSize * contextLength;
        int[] inputs = new int[passes * size], targets = new int[passes * size];
        for (int step = 0; step < 3; step++)
        {
            StepResult result = trainer.Step();

            for (int pass = 0; pass < passes; pass++)
            {
                Range part = (pass * size)..((pass + 1) * size);
                SmallRun.Tokens.FillBatch(options.Seed, passes * step + pass, batchSize, contextLength, inputs.AsSpan(part), targets.AsSpan(part));
            }

            twin.Parameters.ForgetGradients();
            tape.Begin();
            Tensor loss = CrossEntropyOp.Forward(tape, twin.Forward(tape, inputs, passes * batchSize), targets);
            double lossValue = loss.Values[0];
            tape.Backward(loss);
            double norm = optimizer.GradientNorm(pool);
            optimizer.Update(result.LearningRate, norm, pool);
            result.Loss.ShouldBe(lossValue, 1e-5);
            result.GradientNorm.ShouldBe(norm, 1e-4 * norm);
        }

        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            // Not the weights: where a gradient is zero but for rounding, AdamW still makes a whole step of it.
            float[] expected = optimizer.FirstMoment(twin.Parameters[parameter.Name]).ToArray();
            trainer.Optimizer.FirstMoment(parameter).ToArray().ShouldBe(expected, 1e-6, parameter.Name);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_step_that_is_interrupted_goes_on_where_it_was(int interruptedAfter)
    {
        // 70 sequences of 64 tokens in three slices, and two such batches.
        TrainingOptions options = SmallRun.Options with { BatchSize = 70, ContextLength = 64, AccumulationSteps = 2, Dropout = 0.1 };
        using WorkerPool pool = new(2);
        using Gpt2Model model = SmallRun.NewModel(options, VocabularySize), twin = SmallRun.NewModel(options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, options, pool), whole = new(twin, SmallRun.Tokens, options, pool);
        using CancellationTokenSource source = new();
        int told = 0;

        bool done = trainer.TryStep(
            () =>
            {
                if (++told == interruptedAfter)
                {
                    source.Cancel();
                }
            },
            source.Token,
            out StepResult result);

        done.ShouldBeFalse();
        (trainer.SlicesDone, trainer.SlicesPerStep, trainer.Optimizer.Step).ShouldBe((interruptedAfter, 6, 0));
        trainer.ShareDone.ShouldBe((interruptedAfter / 3 * 70 + new[] { 0, 23, 46 }[interruptedAfter % 3]) / 140.0, 1e-12);
        trainer.TryStep(null, CancellationToken.None, out result).ShouldBeTrue();
        result.ShouldBe(whole.Step());
        SmallRun.Bits(model).ShouldBe(SmallRun.Bits(twin));
        (trainer.SlicesDone, trainer.LossOfSlices, trainer.ShareDone).ShouldBe((0, 0, 0));
    }

    /// <summary>A text of one window, so that without dropout two slices give the loss of one.</summary>
    [Theory]
    [InlineData(0, true)]
    [InlineData(0.5, false)]
    public void Each_slice_drops_elements_of_its_own(double dropout, bool same)
    {
        TrainingOptions options = SmallRun.Options with { ContextLength = 64, BatchSize = 32, Dropout = dropout };
        new BatchSlices(32, 64).Count.ShouldBe(1);
        new BatchSlices(64, 64).Count.ShouldBe(2);

        (FirstLoss(options) == FirstLoss(options with { BatchSize = 64 })).ShouldBe(same);

        static double FirstLoss(TrainingOptions options)
        {
            TokenDataset window = new(SmallRun.Tokens.Train[..(options.ContextLength + 1)].ToArray(), []);
            using WorkerPool pool = new(1);
            using Gpt2Model model = SmallRun.NewModel(options, VocabularySize);
            using Trainer trainer = new(model, window, options, pool);
            return trainer.Step().Loss;
        }
    }

    /// <summary>What a warm step allocates on the managed heap: nothing but the source of random numbers that draws each pass's batch.</summary>
    [Theory]
    [InlineData(1, 4, 56)]
    [InlineData(3, 4, 3 * 56)]
    [InlineData(1, 300, 56)]
    public void A_warm_step_allocates_only_what_draws_its_batches(int passes, int batchSize, int bytes)
    {
        TrainingOptions options = SmallRun.Options with { AccumulationSteps = passes, BatchSize = batchSize, Dropout = 0.1 };
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.NewModel(options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, options, pool);
        for (int step = 0; step < 50; step++)
        {
            trainer.Step();
        }

        long allocated = Allocation.Least(() =>
        {
            for (int step = 0; step < 10; step++)
            {
                trainer.Step();
            }
        });

        allocated.ShouldBeLessThanOrEqualTo(10 * bytes);
    }

    /// <summary>A model that knows only how often each character comes can't get below the entropy of their counts.</summary>
    [Fact]
    public void Two_hundred_steps_learn_far_more_than_the_characters_frequencies()
    {
        const double Limit = 1.0;
        TrainingOptions options = SmallRun.Options with
        {
            LayerCount = 2,
            EmbeddingSize = 32,
            BatchSize = 8,
            Iterations = 200,
            LearningRate = 1e-2,
            MinLearningRate = 1e-3,
            WarmupIterations = 10,
        };
        UnigramEntropy(SmallRun.Tokens.Train.Span).ShouldBeGreaterThan(Limit + 1);

        StepResult[] results = Train(options, 1).Results;

        results[0].Loss.ShouldBe(Math.Log(VocabularySize), 0.2);
        results.TakeLast(20).Average(result => result.Loss).ShouldBeLessThan(Limit);
    }

    /// <summary>One update with decay and one without, from the same weights and gradients, differ by lr * decay * weight in matrices alone.</summary>
    [Fact]
    public void Weight_decay_touches_matrices_only()
    {
        const double Decay = 0.5;
        TrainingOptions options = SmallRun.Options with { LearningRate = 0.1, MinLearningRate = 0.1, WarmupIterations = 0, WeightDecay = 0 };
        using WorkerPool pool = new(1);
        using Gpt2Model start = SmallRun.RandomModel(options, VocabularySize);
        using Gpt2Model plain = SmallRun.RandomModel(options, VocabularySize), decayed = SmallRun.RandomModel(options, VocabularySize);
        using Trainer plainTrainer = new(plain, SmallRun.Tokens, options, pool);
        using Trainer decayedTrainer = new(decayed, SmallRun.Tokens, options with { WeightDecay = Decay }, pool);

        plainTrainer.Step().LearningRate.ShouldBe(0.1);
        decayedTrainer.Step();

        foreach (Parameter parameter in start.Parameters.Parameters)
        {
            bool isMatrix = !parameter.Name.EndsWith(".bias", StringComparison.Ordinal) && !parameter.Name.Contains("ln_", StringComparison.Ordinal);
            float[] expected = plain.Parameters[parameter.Name].Tensor.Values.ToArray();
            float[] actual = decayed.Parameters[parameter.Name].Tensor.Values.ToArray();
            if (!isMatrix)
            {
                actual.ShouldBe(expected, parameter.Name);
                continue;
            }

            for (int i = 0; i < expected.Length; i++)
            {
                ((double)actual[i]).ShouldBe(expected[i] - 0.1 * Decay * parameter.Tensor.Values[i], 1e-6, parameter.Name);
            }
        }
    }

    [Fact]
    public void A_loss_that_is_no_number_shows_and_leaves_weights_moments_and_step_alone()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.NewModel(SmallRun.Options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, SmallRun.Options, pool);
        trainer.Step();
        ref float weight = ref model.Parameters["h.0.mlp.c_fc.weight"].Tensor.Values[3];
        float healthy = weight;
        weight = float.NaN;
        byte[] weights = SmallRun.Bits(model), moments = SmallRun.Bits(model, trainer.Optimizer);

        StepResult result = trainer.Step();

        double.IsNaN(result.Loss).ShouldBeTrue();
        trainer.Optimizer.Step.ShouldBe(1);
        SmallRun.Bits(model).ShouldBe(weights);
        SmallRun.Bits(model, trainer.Optimizer).ShouldBe(moments);

        weight = healthy;
        trainer.Step().ShouldBe(Train(SmallRun.Options with { Iterations = 20 }, 1).Results[1]);
    }

    [Fact]
    public void A_profile_sees_every_step_it_hangs_on_and_changes_no_bit()
    {
        OperationProfile profile = new();
        using WorkerPool pool = new(1);
        using Gpt2Model plain = SmallRun.NewModel(SmallRun.Options, VocabularySize), profiled = SmallRun.NewModel(SmallRun.Options, VocabularySize);
        using Trainer plainTrainer = new(plain, SmallRun.Tokens, SmallRun.Options, pool), profiledTrainer = new(profiled, SmallRun.Tokens, SmallRun.Options, pool);
        for (int step = 0; step < 3; step++)
        {
            profiledTrainer.Profile = step < 2 ? profile : null;

            profiledTrainer.Step().ShouldBe(plainTrainer.Step());
        }

        SmallRun.Bits(profiled).ShouldBe(SmallRun.Bits(plain));
        profile.Totals.Single(total => total.Operation.Name == "AdamW").Calls.ShouldBe(2);
        profile.Totals.Single(total => total.Operation.Name == "cross entropy, forward").Calls.ShouldBe(2);
    }

    [Fact]
    public void A_step_trains_on_the_tokens_of_all_its_passes()
    {
        TrainingOptions options = SmallRun.Options with { AccumulationSteps = 3 };
        using WorkerPool pool = new(1);
        using Gpt2Model model = SmallRun.NewModel(options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, options, pool);

        trainer.TokensPerStep.ShouldBe(3 * 4 * 16);
    }

    private static (byte[] Weights, byte[] Moments, StepResult[] Results) Train(TrainingOptions options, int threads)
    {
        using WorkerPool pool = new(threads);
        using Gpt2Model model = SmallRun.NewModel(options, VocabularySize);
        using Trainer trainer = new(model, SmallRun.Tokens, options, pool);
        StepResult[] results = [.. Enumerable.Range(0, options.Iterations).Select(_ => trainer.Step())];
        return (SmallRun.Bits(model), SmallRun.Bits(model, trainer.Optimizer), results);
    }

    private static double UnigramEntropy(ReadOnlySpan<int> ids)
    {
        double length = ids.Length;
        return ids.ToArray().CountBy(id => id).Sum(count => -count.Value / length * Math.Log(count.Value / length));
    }
}
