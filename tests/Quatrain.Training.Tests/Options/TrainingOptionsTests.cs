using Quatrain.Tensors.Ops;
using Quatrain.Training.Options;

namespace Quatrain.Training.Tests.Options;

public class TrainingOptionsTests
{
    [Fact]
    public void Validate_accepts_the_defaults() => Should.NotThrow(new TrainingOptions().Validate);

    public static TheoryData<TrainingOptions, string> Impossible => new()
    {
        { new() { HeadCount = 3 }, "embedding_size 128 can't be divided among 3 heads" },
        { new() { LayerCount = 0 }, "layer_count must be a whole number from 1 to 1024, not 0." },
        { new() { BatchSize = -1 }, "batch_size" },
        { new() { Iterations = 0 }, "iterations" },
        { new() { LearningRate = double.NaN }, "learning_rate must be a number above 0 and at most 1, not nan." },
        { new() { LearningRate = double.PositiveInfinity }, "learning_rate" },
        { new() { LearningRate = 0 }, "learning_rate" },
        { new() { MinLearningRate = 0.002 }, "min_learning_rate 0.002 is above learning_rate 0.001" },
        { new() { Dropout = 1 }, "dropout must be a number of at least 0 and below 1, not 1." },
        { new() { Beta2 = 1 }, "beta2" },
        { new() { Epsilon = 0 }, "epsilon" },
        { new() { GradientClip = -1 }, "gradient_clip" },
        { new() { ValidationFraction = 1 }, "validation_fraction" },
        { new() { ValidationFraction = -0.1 }, "validation_fraction" },
        { new() { EvalEvery = -1 }, "eval_every" },
        { new() { Seed = ulong.MaxValue }, "seed" },
        { new() { Data = " " }, "data" },
        { new() { Tokenizer = " " }, "tokenizer must be characters, a model's name or a path" },
        { new() { Tokenizer = "gpt2" }, "The built-in verses are learnt by characters, not with the tokenizer 'gpt2'; name a text with --data, or set --tokenizer characters." },
        { new() { Preset = "nothing" }, "Unknown preset 'nothing'" },
        { new() { Activation = (Activation)9 }, "activation must be one of gelu_exact, gelu_tanh, relu, not '9'." },
        { new() { BatchSize = 1 << 20, ContextLength = 1 << 20 }, "tokens; lower one" },
        { new() { LayerCount = 1024, EmbeddingSize = 65536 }, "GiB of memory" },
    };

    /// <summary>Only the activations of a slice exist at a time, however large the batch.</summary>
    [Fact]
    public void Validate_accepts_a_large_batch_of_a_large_model() =>
        Should.NotThrow((Presets.Load("gpt2-xl") with { Data = "text.txt", BatchSize = 512 }).Validate);

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Validate_refuses_the_impossible_in_one_sentence(TrainingOptions options, string expected)
    {
        string message = Should.Throw<InvalidDataException>(options.Validate).Message;

        message.ShouldContain(expected);
        message.ShouldEndWith(".");
        message.ShouldNotContain('\n');
    }
}
