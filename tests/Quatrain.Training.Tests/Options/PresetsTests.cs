using Quatrain.Tensors.Ops;
using Quatrain.Training.Options;

namespace Quatrain.Training.Tests.Options;

public class PresetsTests
{
    [Fact]
    public void Names_are_the_presets_there_are() =>
        Presets.Names.ShouldBe(["nano", "quatrains", "shakespeare-char", "shakespeare-char-cpu"]);

    [Fact]
    public void Every_preset_is_valid_and_carries_its_name()
    {
        foreach (string name in Presets.Names)
        {
            TrainingOptions options = Presets.Load(name);
            options.Validate();
            options.Preset.ShouldBe(name);
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

    [Fact]
    public void An_unknown_preset_is_refused_with_the_list()
    {
        Should.Throw<InvalidDataException>(() => Presets.Load("Shakespear-char")).Message.ShouldBe(
            "Unknown preset 'Shakespear-char'; did you mean 'shakespeare-char'? There are nano, quatrains, shakespeare-char, shakespeare-char-cpu.");
        Should.Throw<InvalidDataException>(() => Presets.Load("x")).Message.ShouldBe(
            "Unknown preset 'x'; there are nano, quatrains, shakespeare-char, shakespeare-char-cpu.");
    }
}
