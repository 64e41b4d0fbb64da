using System.Text.Json;
using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Verification;
using Quatrain.Tests;
using Xunit.Abstractions;

namespace Quatrain.Models.Tests.Adapters;

/// <summary>Training of adapters alone.</summary>
public sealed class LoraTrainingTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void One_step_of_AdamW_is_that_of_PyTorch(int threads)
    {
        FixtureFile fixture = FixtureFile.Open("lora");
        JsonElement settings = fixture.Description.GetProperty("optimizer");
        using WorkerPool pool = new(threads);
        using Gpt2Model model = WithoutDropout(ImportFixtures.Path("hf-f32"));
        using AdapterSource source = AdapterSource.Open(ImportFixtures.Path("peft-lora"));
        using LoraAdapters adapters = source.Read(model.LinearLayers);
        adapters.Attach(model);
        using AdamW optimizer = new(adapters.Parameters, new AdamWOptions
        {
            Beta1 = settings.GetProperty("beta1").GetDouble(),
            Beta2 = settings.GetProperty("beta2").GetDouble(),
            Epsilon = settings.GetProperty("epsilon").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
            GradientClip = settings.GetProperty("max_grad_norm").GetDouble(),
        });
        using Tape tape = new(pool, recording: true);
        tape.Begin();
        Tensor logits = model.Forward(tape, fixture.Ints("tokens"), (int)fixture.Shape("tokens")[0]);
        double logitError = Differences.Largest(logits.Values, fixture.Floats("logits"));
        Tensor loss = CrossEntropyOp.Forward(tape, logits, fixture.Ints("targets"));
        double lossError = Differences.Largest(loss.Values, fixture.Floats("loss"));
        tape.Backward(loss);
        double gradientError = 0, weightError = 0;
        foreach (Parameter parameter in adapters.Parameters.Parameters)
        {
            float[] expected = fixture.Floats($"grad/{parameter.Name}");
            gradientError = Math.Max(gradientError, Differences.Largest(parameter.Tensor.Gradient, expected) / expected.Max(MathF.Abs));
        }

        double norm = optimizer.GradientNorm(pool);
        optimizer.Update(settings.GetProperty("learning_rate").GetDouble(), norm, pool);

        foreach (Parameter parameter in adapters.Parameters.Parameters)
        {
            weightError = Math.Max(weightError, Differences.Largest(parameter.Tensor.Values, fixture.Floats($"after/{parameter.Name}")));
        }

        output.WriteLine($"logits within {logitError:E1}, loss {lossError:E1}, gradients {gradientError:E1} (relative), weights {weightError:E1}");
        adapters.Parameters.Parameters.Count.ShouldBe(12);
        logitError.ShouldBeLessThan(1e-5);
        lossError.ShouldBeLessThan(2e-6);
        gradientError.ShouldBeLessThan(5e-6);
        Math.Abs(norm - fixture.Floats("grad_norm")[0]).ShouldBeLessThan(1e-5);
        weightError.ShouldBeLessThan(5e-6);
    }

    [Fact]
    public void Only_the_adapters_have_gradients_and_moments_and_the_base_stays_as_it_is()
    {
        using WorkerPool pool = new(2);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        float[][] weights = [.. model.Parameters.Parameters.Select(parameter => parameter.Tensor.Values.ToArray())];
        adapters.Attach(model);
        using AdamW optimizer = new(adapters.Parameters, new AdamWOptions());
        using Tape tape = new(pool, recording: true);
        int[] tokens = TestAdapters.Tokens(model);
        double first = 0, last = 0;
        for (int step = 0; step < 40; step++)
        {
            adapters.Parameters.ForgetGradients();
            tape.Begin();
            Tensor loss = CrossEntropyOp.Forward(tape, model.Forward(tape, tokens, 2), tokens);
            (first, last) = (step == 0 ? loss.Values[0] : first, loss.Values[0]);
            tape.Backward(loss);
            model.Parameters.Parameters.Count(parameter => parameter.Tensor.Gradient.Length > 0).ShouldBe(0);
            adapters.Parameters.Parameters.Count(parameter => parameter.Tensor.Gradient.Length > 0).ShouldBe(2 * adapters.Adapters.Count);
            optimizer.Update(0.01, optimizer.GradientNorm(pool), pool);
        }

        last.ShouldBeLessThan(0.95 * first);
        model.Parameters.Parameters.Select(parameter => parameter.Tensor.Values.ToArray()).ShouldBe(weights);
    }

    /// <summary>GPT-2 of 124M parameters: 16 bytes a weight when all are trained, and as many for each of the adapters' alone.</summary>
    [Fact]
    public void Gradients_and_moments_are_of_the_adapters_size()
    {
        Gpt2Config config = new() { LayerCount = 12, HeadCount = 12, EmbeddingSize = 768, ContextLength = 1024, VocabularySize = 50257 };
        Gpt2Model gpt2 = new(config, allocate: false);
        using LoraAdapters adapters = new(gpt2, new LoraConfig { Rank = 8, Targets = ["c_attn"] }, seed: 1);

        long full = Gpt2Memory.GradientBytes(config) + Gpt2Memory.OptimizerBytes(config), own = 3 * adapters.Parameters.BufferLength * sizeof(float);

        output.WriteLine($"gradients and moments: {full:N0} bytes for all, {own:N0} for LoRA of rank 8 on c_attn ({adapters.Parameters.ElementCount:N0} weights)");
        adapters.Parameters.ElementCount.ShouldBe(12 * 8 * (768 + 2304));
        (full / own).ShouldBe(421);
    }

    public static TheoryData<string> Checks => [.. Gpt2GradientChecks.Cases.Where(check => check.Adapters is not null).Select(check => check.Name)];

    [Theory]
    [MemberData(nameof(Checks))]
    public void The_gradients_are_those_of_differences(string name)
    {
        using WorkerPool pool = new(1);

        GradientCheckResult result = Gpt2GradientChecks.Run(Gpt2GradientChecks.Cases.Single(check => check.Name == name), pool);

        output.WriteLine($"{result.Name}: {result.Elements} elements, worst {result.MaxRelativeError:E1}");
        result.Elements.ShouldBeGreaterThan(80);
        result.Passed.ShouldBeTrue();
    }

    [Fact]
    public void The_same_bits_come_out_for_any_number_of_threads()
    {
        float[][] one = Gradients(threads: 1), three = Gradients(threads: 3);

        three.ShouldBe(one);

        static float[][] Gradients(int threads)
        {
            using WorkerPool pool = new(threads);
            using Gpt2Model model = TestModels.Random(TestModels.Config with { EmbeddingSize = 48 });
            using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers with { Dropout = 0.1f });
            adapters.Attach(model);
            return GradientsOf(model, adapters, pool);
        }
    }

    [Theory]
    [InlineData("hf-f32")]
    [InlineData("hf-bf16")]
    [InlineData("tiny-f32.gguf")]
    public void A_mapped_base_trains_its_adapters_with_the_bits_of_a_loaded_one(string file)
    {
        using WorkerPool pool = new(2);
        using Gpt2Model mapped = Gpt2Checkpoint.Map(ImportFixtures.Path(file), null, pool), loaded = Gpt2Checkpoint.Load(ImportFixtures.Path(file));
        using LoraAdapters first = TestAdapters.Random(mapped, TestAdapters.AllLayers), second = TestAdapters.Random(loaded, TestAdapters.AllLayers);
        first.Attach(mapped);
        second.Attach(loaded);

        GradientsOf(mapped, first, pool).ShouldBe(GradientsOf(loaded, second, pool));
    }

    [Fact]
    public void A_base_of_int8_weights_or_one_that_is_not_frozen_is_refused()
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: true);
        using Gpt2Model mapped = Gpt2Checkpoint.Map(ImportFixtures.Path("hf-f32"), null, pool), int8 = Gpt2Checkpoint.Map(ImportFixtures.Path("hf-f32"), WeightFormat.Int8, pool);
        using LoraAdapters adapters = new(int8, TestAdapters.AllLayers, 1);
        adapters.Attach(int8);
        tape.Begin();

        Should.Throw<InvalidOperationException>(() => int8.Forward(tape, [1, 2], 1)).Message.ShouldContain("inference only");
        Should.Throw<InvalidOperationException>(() => mapped.Forward(tape, [1, 2], 1)).Message.ShouldContain("inference only");
    }

    [Theory]
    [InlineData("*", 0)]
    [InlineData("*", 0.1f)]
    [InlineData("c_attn", 0)]
    [InlineData("h.1.mlp.c_fc", 0.1f)]
    [InlineData("h.0.attn.*", 0)]
    public void A_step_takes_no_more_than_was_forecast(string target, float dropout)
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(TestModels.Config with { ResidualDropout = dropout });
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers with { Targets = [target], Dropout = dropout });
        adapters.Attach(model);
        adapters.Parameters.AllocateGradients();
        using Tape tape = new(pool, recording: true);
        int[] tokens = TestAdapters.Tokens(model);
        tape.Begin();
        tape.Backward(CrossEntropyOp.Forward(tape, model.Forward(tape, tokens, 2), tokens));

        output.WriteLine($"{tape.BytesUsed:N0} of {model.TrainingActivationBytes(2, model.ContextLength):N0} bytes");
        tape.BytesUsed.ShouldBeLessThanOrEqualTo(model.TrainingActivationBytes(2, model.ContextLength));
    }

    [Fact]
    public void A_warm_step_allocates_nothing()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers with { Dropout = 0.1f });
        adapters.Attach(model);
        adapters.Parameters.AllocateGradients();
        using Tape tape = new(pool, recording: true);
        int[] tokens = TestAdapters.Tokens(model);

        Allocation.Least(() =>
        {
            tape.Begin();
            tape.Backward(CrossEntropyOp.Forward(tape, model.Forward(tape, tokens, 2), tokens));
        }).ShouldBeLessThan(200);
    }

    private static Gpt2Model WithoutDropout(string path)
    {
        using Gpt2Model loaded = Gpt2Checkpoint.Load(path);
        Gpt2Model model = new(loaded.Config with { EmbeddingDropout = 0, AttentionDropout = 0, ResidualDropout = 0 });
        foreach (Parameter parameter in loaded.Parameters.Parameters)
        {
            parameter.Tensor.Values.CopyTo(model.Parameters[parameter.Name].Tensor.Values);
        }

        return model;
    }

    private static float[][] GradientsOf(Gpt2Model model, LoraAdapters adapters, WorkerPool pool)
    {
        adapters.Parameters.AllocateGradients();
        adapters.Parameters.ForgetGradients();
        using Tape tape = new(pool, recording: true);
        tape.Begin(5);
        int[] tokens = TestAdapters.Tokens(model);
        tape.Backward(CrossEntropyOp.Forward(tape, model.Forward(tape, tokens, 2), tokens));
        return [.. adapters.Parameters.Parameters.Select(parameter => parameter.Tensor.Gradient.ToArray())];
    }
}
