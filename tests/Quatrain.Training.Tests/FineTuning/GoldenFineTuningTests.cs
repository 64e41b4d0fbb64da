using System.Text.Json;
using Quatrain.Models.Classification;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Instruction;
using Xunit.Abstractions;

namespace Quatrain.Training.Tests.FineTuning;

/// <summary>Three fine-tuning steps against PyTorch in double precision, on a padded batch: a classifier with class weights, and instructions of which replies are scored.</summary>
public sealed class GoldenFineTuningTests(ITestOutputHelper output) : IDisposable
{
    private static readonly FixtureFile Fixture = FixtureFile.Open("finetuning");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("all")]
    [InlineData("last-1")]
    public void A_classifier_follows_PyTorch(string part)
    {
        using Gpt2Classifier classifier = new(LoadModel(), (int)Fixture.Shape("weights/score.weight")[0], Pooling.LastToken);
        Fixture.Floats("weights/score.weight").CopyTo(classifier.Head.Values);
        int[] labels = Fixture.Ints("labels");
        ClassificationTask task = new(
            classifier, TrainedPart.Parse(part).Apply(classifier.Model), [.. Rows("tokens").Select((ids, i) => new ClassificationExample(ids, labels[i]))], [],
            Fixture.Floats("class_weights"), Fixture.Description.GetProperty("pad").GetInt32());

        Follows($"classify/{part}", task);
    }

    [Theory]
    [InlineData("all")]
    [InlineData("last-1")]
    public void Instructions_follow_PyTorch(string part)
    {
        int ignored = Fixture.Description.GetProperty("ignore_index").GetInt32();
        using Gpt2Model model = LoadModel();
        InstructionExample[] examples =
        [
            .. Rows("tokens").Zip(Rows("targets"), (ids, targets) => new InstructionExample(ids, [.. targets.Select(t => t == ignored ? CrossEntropyOp.IgnoreIndex : t)])),
        ];
        InstructionTask task = new(model, TrainedPart.Parse(part).Apply(model), examples, [], Fixture.Description.GetProperty("pad").GetInt32());

        Follows($"instruct/{part}", task);
    }

    private void Follows(string name, FineTuningTask task)
    {
        JsonElement settings = Fixture.Description.GetProperty("optimizer");
        FineTuningOptions options = new()
        {
            // A batch of all examples: each epoch is a step.
            Epochs = settings.GetProperty("steps").GetInt32(),
            BatchSize = task.TrainingCount,
            LearningRate = settings.GetProperty("learning_rate").GetDouble(),
            WarmupShare = 0,
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
            GradientClip = settings.GetProperty("max_grad_norm").GetDouble(),
        };
        using WorkerPool pool = new(2);
        using FrozenPrefix? prefix = task.Stage > 0 ? new FrozenPrefix(task, PrefixCache.Memory, _folder.File("cache"), pool) : null;
        prefix?.Precompute(null, default);
        using FineTuner tuner = new(task, options, prefix, pool);
        StepResult[] steps = [.. Enumerable.Range(0, options.Epochs).Select(_ => tuner.Step())];

        double lossError = Differences.Largest([.. steps.Select(step => (float)step.Loss)], Fixture.Floats($"{name}/losses"));
        double normError = Differences.Largest([.. steps.Select(step => (float)step.GradientNorm)], Fixture.Floats($"{name}/grad_norms"));
        Dictionary<string, double> weightErrors = tuner.Optimizer.Parameters.ToDictionary(
            parameter => parameter.Name, parameter => Differences.Largest(WithoutKeyBias(parameter.Name, parameter.Tensor.Values), WithoutKeyBias(parameter.Name, Fixture.Floats($"{name}/after/{parameter.Name}"))));

        output.WriteLine($"{name}: losses within {lossError:E1}, norms {normError:E1}, weights {weightErrors.Values.Max():E1}");
        weightErrors.Keys.Order().ShouldBe(Fixture.Names.Where(it => it.StartsWith($"{name}/after/", StringComparison.Ordinal)).Select(it => it[$"{name}/after/".Length..]).Order());
        lossError.ShouldBeLessThan(3e-6);
        normError.ShouldBeLessThan(1e-5);
        weightErrors.Values.Max().ShouldBeLessThan(1e-5);
    }

    /// <summary>The key bias has a true gradient of zero; AdamW turns its rounding errors into steps of full size.</summary>
    private static float[] WithoutKeyBias(string name, ReadOnlySpan<float> values) =>
        name.EndsWith("c_attn.bias", StringComparison.Ordinal) ? [.. values[..(values.Length / 3)], .. values[(2 * values.Length / 3)..]] : values.ToArray();

    /// <summary>The rows of a padded matrix, without their padding.</summary>
    private static int[][] Rows(string name)
    {
        int columns = (int)Fixture.Shape(name)[1];
        int[] all = Fixture.Ints(name);
        return [.. Fixture.Ints("lengths").Select((length, row) => all.AsSpan(row * columns, length).ToArray())];
    }

    private static Gpt2Model LoadModel()
    {
        FixtureFile weights = FixtureFile.Open(Fixture.Description.GetProperty("model").GetString()!);
        JsonElement config = weights.Description.GetProperty("config");
        Gpt2Model model = new(new Gpt2Config
        {
            LayerCount = config.GetProperty("n_layer").GetInt32(),
            HeadCount = config.GetProperty("n_head").GetInt32(),
            EmbeddingSize = config.GetProperty("n_embd").GetInt32(),
            ContextLength = config.GetProperty("n_positions").GetInt32(),
            VocabularySize = config.GetProperty("vocab_size").GetInt32(),
            EmbeddingDropout = 0,
            AttentionDropout = 0,
            ResidualDropout = 0,
        });
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            weights.Floats($"weights/{parameter.Name}").CopyTo(parameter.Tensor.Values);
        }

        return model;
    }
}
