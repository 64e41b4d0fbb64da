using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Ops;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.Options;

public class PresetsTests
{
    [Fact]
    public void Names_are_the_presets_there_are() =>
        Presets.Names.ShouldBe(["distilgpt2", "gpt2", "gpt2-large", "gpt2-medium", "gpt2-xl", "nano", "quatrains", "shakespeare-char", "shakespeare-char-cpu"]);

    [Fact]
    public void Every_preset_is_valid_and_carries_its_name()
    {
        foreach (string name in Presets.Names)
        {
            TrainingOptions options = Presets.Load(name);
            options.Preset.ShouldBe(name);
            if (options.Tokenizer != TrainingOptions.CharacterTokens)
            {
                // There is no text to train such a model on that everybody has.
                Should.Throw<InvalidDataException>(options.Validate).Message.ShouldContain("name a text with --data");
                options = options with { Data = "text.txt" };
            }

            options.Validate();
        }
    }

    [Fact]
    public void A_preset_is_what_a_config_file_can_hold()
    {
        using TemporaryFolder folder = new();
        foreach (string name in Presets.Names)
        {
            string path = folder.WriteText($"{name}.json", Presets.ReadJson(name));
            TrainingOptionsJson.Read(path).ShouldBe(Presets.Load(name) with { Preset = "" });
        }
    }

    [Fact]
    public void Shakespeare_char_cpu_is_the_run_of_nanoGPT()
    {
        // From the README of karpathy/nanoGPT: train.py config/train_shakespeare_char.py on a CPU.
        TrainingOptions options = Presets.Load("shakespeare-char-cpu");

        (options.LayerCount, options.HeadCount, options.EmbeddingSize, options.ContextLength).ShouldBe((4, 4, 128, 64));
        (options.BatchSize, options.Iterations, options.WarmupIterations, options.EvalEvery).ShouldBe((12, 2000, 100, 250));
        (options.LearningRate, options.MinLearningRate, options.Beta1, options.Beta2).ShouldBe((1e-3, 1e-4, 0.9, 0.99));
        (options.WeightDecay, options.GradientClip, options.Dropout, options.Bias).ShouldBe((0.1, 1.0, 0.0, false));
        (options.Data, options.Activation).ShouldBe((TrainingOptions.ShakespeareData, Activation.GeluExact));
    }

    // The numbers of weights are those of the published checkpoints.
    [Theory]
    [InlineData("distilgpt2", 6, 12, 768, 81_912_576)]
    [InlineData("gpt2", 12, 12, 768, 124_439_808)]
    [InlineData("gpt2-medium", 24, 16, 1024, 354_823_168)]
    [InlineData("gpt2-large", 36, 20, 1280, 774_030_080)]
    [InlineData("gpt2-xl", 48, 25, 1600, 1_557_611_200)]
    public void Published_sizes_are_the_published_models(string name, int layerCount, int headCount, int embeddingSize, long parameters)
    {
        TrainingOptions options = Presets.Load(name);

        TrainingRun.ModelConfig(options, 50_257).ShouldBe(new Gpt2Config
        {
            LayerCount = layerCount,
            HeadCount = headCount,
            EmbeddingSize = embeddingSize,
            ContextLength = 1024,
            VocabularySize = 50_257,
        });
        TrainingRun.ModelConfig(options, 50_257).ParameterCount.ShouldBe(parameters);
        (options.Tokenizer, options.Initialization).ShouldBe(("gpt2", InitializationScheme.Gpt2));
        // nanoGPT's recipe, whose updates are of 491,520 tokens.
        ((long)options.BatchSize * options.AccumulationSteps * options.ContextLength).ShouldBe(491_520);
        (options.Beta2, options.WeightDecay, options.GradientClip, options.WarmupIterations, options.Iterations).ShouldBe((0.95, 0.1, 1.0, 2000, 600_000));
        options.MinLearningRate.ShouldBe(options.LearningRate / 10, 1e-12);
    }

    [Fact]
    public void An_unknown_preset_is_refused_with_the_list()
    {
        Should.Throw<InvalidDataException>(() => Presets.Load("Shakespear-char")).Message.ShouldBe(
            "Unknown preset 'Shakespear-char'; did you mean 'shakespeare-char'? There are distilgpt2, gpt2, gpt2-large, gpt2-medium, gpt2-xl, nano, quatrains, shakespeare-char, shakespeare-char-cpu.");
        Should.Throw<InvalidDataException>(() => Presets.Load("x")).Message.ShouldBe(
            "Unknown preset 'x'; there are distilgpt2, gpt2, gpt2-large, gpt2-medium, gpt2-xl, nano, quatrains, shakespeare-char, shakespeare-char-cpu.");
    }
}
