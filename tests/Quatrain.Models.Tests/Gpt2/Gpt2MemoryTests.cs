using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2MemoryTests
{
    public static TheoryData<Gpt2Config, int, int> Steps => new()
    {
        { TestModels.Config, 1, 1 },
        { TestModels.Config, 3, 21 },
        { TestModels.Config with { Bias = false }, 2, 13 },
        { TestModels.Config with { TieEmbeddings = false }, 2, 13 },
        { TestModels.Config with { EmbeddingDropout = 0.1f }, 2, 13 },
        { TestModels.Config with { AttentionDropout = 0.1f }, 2, 13 },
        { TestModels.Config with { ResidualDropout = 0.1f }, 2, 13 },
        { TestModels.Config with { EmbeddingDropout = 0.1f, AttentionDropout = 0.1f, ResidualDropout = 0.1f, TieEmbeddings = false, Bias = false }, 3, 9 },
        { TestModels.Config with { LayerCount = 1, Bias = false }, 4, 16 },
        { TestModels.Config with { LayerCount = 3, ResidualDropout = 0.1f, TieEmbeddings = false }, 4, 16 },
        // The sizes of different things coincide: logits as wide as the residual stream, then as queries, keys and values.
        { TestModels.Config with { VocabularySize = 12 }, 2, 13 },
        { TestModels.Config with { VocabularySize = 36, EmbeddingDropout = 0.1f }, 2, 13 },
        { TestModels.Config with { LayerCount = 5, HeadCount = 4, EmbeddingSize = 64, ContextLength = 64, VocabularySize = 1_000 }, 4, 64 },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public void A_training_step_uses_exactly_what_was_forecast(Gpt2Config config, int batchSize, int sequenceLength)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(config);
        model.Parameters.AllocateGradients();
        using Tape tape = new(pool, recording: true);
        int[] tokens = TestModels.Tokens(batchSize * sequenceLength, config.VocabularySize);

        for (int step = 0; step < 2; step++)
        {
            model.Parameters.ForgetGradients();
            tape.Begin();
            Tensor loss = CrossEntropyOp.Forward(tape, model.Forward(tape, tokens, batchSize), tokens);
            tape.Backward(loss);

            tape.BytesUsed.ShouldBe(Gpt2Memory.TrainingActivationBytes(config, batchSize, sequenceLength));
        }
    }

    public static TheoryData<int, bool, bool, float> Parts
    {
        get
        {
            TheoryData<int, bool, bool, float> parts = [];
            // The last stages: the two blocks frozen, and the last norm too.
            foreach (int stages in (int[])[0, 1, 2, 3])
            {
                foreach (float dropout in (float[])[0, 0.1f])
                {
                    parts.Add(stages, false, false, dropout);
                    parts.Add(stages, true, false, dropout);
                    parts.Add(stages, false, true, dropout);
                }
            }

            return parts;
        }
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_step_of_a_part_of_the_model_uses_exactly_what_was_forecast(int stages, bool selects, bool pools, float dropout)
    {
        const int BatchSize = 3, Length = 13, Classes = 4;
        Gpt2Config config = TestModels.Config with { EmbeddingDropout = dropout, ResidualDropout = dropout };
        int[] rows = selects ? [3, 14, 25, 38] : [];
        Gpt2Part part = new() { FrozenStages = stages, Rows = selects ? rows.Length : null, Sequences = pools ? BatchSize : null, Outputs = Classes };
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(config);
        model.Parameters.Freeze(parameter => stages > 0 && BlockOf(parameter.Name) < stages);
        model.Parameters.AllocateGradients();
        ParameterStore head = new();
        Tensor weight = head.Add("score.weight", new Shape(Classes, config.EmbeddingSize));
        head.Allocate();
        head.AllocateGradients();
        using Tape tape = new(pool, recording: true), reading = new(pool, recording: false);
        int[] tokens = TestModels.Tokens(BatchSize * Length, config.VocabularySize);

        Tensor Scores(Tape on, Tensor x)
        {
            Tensor hidden = model.RunFrom(on, x, stages, rows);
            return LinearOp.ForwardTransposed(on, pools ? MeanPoolOp.Forward(on, hidden, [Length, 5, 9]) : hidden, weight);
        }

        reading.Begin();
        Tensor given = model.RunTo(reading, tokens, BatchSize, stages);
        Tensor x = stages == 0 ? model.RunTo(tape, tokens, BatchSize, 0) : tape.Input(new Shape(BatchSize, Length, config.EmbeddingSize));
        given.Values.CopyTo(x.Values);
        Tensor scores = Scores(tape, x);
        tape.Backward(CrossEntropyOp.Forward(tape, scores, [.. Enumerable.Range(0, scores.Shape.Rows).Select(row => row % Classes)]));
        Scores(reading, given);
        head.Dispose();

        tape.BytesUsed.ShouldBe(Gpt2Memory.TrainingActivationBytes(config, BatchSize, Length, part));
        // The scores of single rows would take memory for their targets.
        long most = Gpt2Memory.EvaluationActivationBytes(config, BatchSize, Length, part);
        reading.BytesUsed.ShouldBeInRange(most - Tape.BytesFor(scores.Shape.Rows) - (stages == 0 ? 0 : most / 10), most);
    }

    /// <summary>On the way back there is room for one block's gradients at most, however many blocks there are.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(12)]
    public void Going_back_takes_little_more_than_going_forward(int layers)
    {
        Gpt2Config config = TestModels.Config with { LayerCount = layers, EmbeddingSize = 48 };
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(config);
        model.Parameters.AllocateGradients();
        using Tape tape = new(pool, recording: true);
        int[] tokens = TestModels.Tokens(4 * 21, config.VocabularySize);
        Tensor loss = CrossEntropyOp.Forward(tape, model.Forward(tape, tokens, 4), tokens);
        long forward = tape.BytesUsed;

        tape.Backward(loss);

        // Two tensors of the stream's width, one of four times and one of three times; and a norm's sums, an eighth as wide.
        long narrow = Tape.BytesFor(4 * 21 * 48);
        (tape.BytesUsed - forward).ShouldBeInRange(9 * narrow, 10 * narrow);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Decoding_uses_exactly_what_was_forecast(Gpt2Config config, int batchSize, int sequenceLength)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(config);
        using KvCache cache = model.NewCache(batchSize);
        using Tape tape = new(pool, recording: false);

        tape.Begin();
        model.ForwardLast(tape, TestModels.Tokens(batchSize * sequenceLength, config.VocabularySize), batchSize, cache);

        tape.BytesUsed.ShouldBe(Gpt2Memory.DecodingActivationBytes(config, batchSize, sequenceLength));
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Weights_gradients_and_moments_are_the_stores_buffers(Gpt2Config config, int batchSize, int sequenceLength)
    {
        using Gpt2Model model = new(config);
        long bytes = model.Parameters.BufferLength * sizeof(float);

        Gpt2Memory.WeightBytes(config).ShouldBe(bytes);
        Gpt2Memory.GradientBytes(config).ShouldBe(bytes);
        Gpt2Memory.OptimizerBytes(config).ShouldBe(2 * bytes);
        Gpt2Memory.TrainingBytes(config, batchSize, sequenceLength)
            .ShouldBe(4 * bytes + Gpt2Memory.TrainingActivationBytes(config, batchSize, sequenceLength));
        Gpt2Memory.Parameters(config).ShouldBe(model.Parameters.Parameters.Select(parameter => (parameter.Name, parameter.Tensor.Shape)));
    }

    [Fact]
    public void A_model_fits_in_exactly_what_its_weights_and_cache_need_and_in_nothing_less()
    {
        Gpt2Config config = TestModels.Config with { EmbeddingSize = 120, VocabularySize = 5_000 };
        long needed = Gpt2Memory.WeightBytes(config) + Gpt2Memory.KvCacheBytes(config, 1, config.ContextLength);

        Gpt2Memory.CheckDecodingFits(config, Gpt2Memory.WeightBytes(config), "large", needed);
        Should.Throw<InvalidDataException>(() => Gpt2Memory.CheckDecodingFits(config, Gpt2Memory.WeightBytes(config), "large", needed - 1)).Message.ShouldBe(FormattableString.Invariant(
            $"The model in 'large' needs {needed / 1048576.0:N0} MB of memory for its weights and the keys and values of its context, and {needed / 1048576.0:N0} MB are available; use a smaller model, or end other programs."));
    }

    [Fact]
    public void The_cache_holds_a_key_and_a_value_of_each_layer_and_token()
    {
        // Two layers of a key and a value of 12 floats for 3 sequences of 7 tokens.
        Gpt2Memory.KvCacheBytes(TestModels.Config, 3, 7).ShouldBe(2 * 2 * 12 * 3 * 7 * sizeof(float));
        using Gpt2Model model = new(TestModels.Config);
        foreach ((int chunk, int batchSize) in (ReadOnlySpan<(int, int)>)[(1, 3), (6, 1), (20, 2)])
        {
            // The larger pass: one token of each sequence, or a chunk of a prompt, which is no longer than the sequence.
            long state = Gpt2Memory.KvCacheBytes(TestModels.Config, batchSize, 7)
                + Math.Max(Gpt2Memory.DecodingActivationBytes(TestModels.Config, batchSize, 1), Gpt2Memory.DecodingActivationBytes(TestModels.Config, 1, Math.Min(chunk, 7)));
            model.DecodingStateBytes(batchSize, 7, chunk).ShouldBe(state);
            Gpt2Memory.DecodingBytes(TestModels.Config, batchSize, 7, chunk).ShouldBe(Gpt2Memory.WeightBytes(TestModels.Config) + state);
        }
    }

    [Fact]
    public void A_forecast_of_the_largest_possible_model_does_not_overflow()
    {
        Gpt2Config config = new()
        {
            LayerCount = 1_000,
            HeadCount = 1,
            EmbeddingSize = 23_170,
            ContextLength = 90_000,
            VocabularySize = 90_000,
            EmbeddingDropout = 0.1f,
            ResidualDropout = 0.1f,
        };

        Gpt2Memory.TrainingBytes(config, int.MaxValue / 90_000, 90_000).ShouldBeGreaterThan(1L << 61);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(1, 22)]
    [InlineData(int.MaxValue, 2)]
    public void Sizes_that_no_step_can_have_are_refused(int batchSize, int sequenceLength)
    {
        Should.Throw<ArgumentOutOfRangeException>(() => Gpt2Memory.TrainingActivationBytes(TestModels.Config, batchSize, sequenceLength));
        Should.Throw<ArgumentOutOfRangeException>(() => Gpt2Memory.KvCacheBytes(TestModels.Config, batchSize, sequenceLength));
    }

    [Fact]
    public void An_impossible_model_is_refused() =>
        Should.Throw<InvalidDataException>(() => Gpt2Memory.WeightBytes(TestModels.Config with { HeadCount = 5 }));

    /// <summary>The stage that trains a parameter: that of its block, the last norm's, or none.</summary>
    private static int BlockOf(string name) => name.StartsWith("h.", StringComparison.Ordinal) ? name[2] - '0' : name.StartsWith("ln_f", StringComparison.Ordinal) ? TestModels.Config.LayerCount : -1;
}
