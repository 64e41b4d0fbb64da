using System.Text.Json;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;
using Xunit.Abstractions;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>
/// A whole model against PyTorch in double precision: logits, loss, every gradient, and ten clipped AdamW steps. The tolerances are the project's
/// promise; what was observed is far below and is printed.
/// </summary>
public sealed class GoldenModelTests(ITestOutputHelper output)
{
    private const int TorchIgnoreIndex = -100;

    public static TheoryData<string, int> Models => new()
    {
        { "tiny-gpt2-bias-tanh", 1 },
        { "tiny-gpt2-bias-tanh", 2 },
        { "tiny-gpt2-nobias-exact", 1 },
        { "tiny-gpt2-nobias-exact", 2 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Logits_loss_and_every_gradient_are_those_of_PyTorch(string name, int threads)
    {
        FixtureFile fixture = FixtureFile.Open(name);
        using WorkerPool pool = new(threads);
        using Gpt2Model model = Load(fixture);
        using Tape tape = new(pool, recording: true);
        int batchSize = (int)fixture.Shape("input/tokens")[0];

        model.Parameters.AllocateGradients();
        tape.Begin();
        Tensor logits = model.Forward(tape, fixture.Ints("input/tokens"), batchSize);
        double logitError = Differences.Largest(logits.Values, fixture.Floats("output/logits"));
        Tensor loss = CrossEntropyOp.Forward(tape, logits, Targets(fixture.Ints("input/targets")));
        double lossError = Differences.Largest(loss.Values, fixture.Floats("output/loss"));
        tape.Backward(loss);

        logitError.ShouldBeLessThan(1e-4);
        lossError.ShouldBeLessThan(1e-5);
        double worst = 0;
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            float[] expected = fixture.Floats($"grad/{parameter.Name}");
            // Relative to the tensor's largest gradient: single elements are sums that cancel to nearly nothing.
            double error = Differences.Largest(parameter.Tensor.Gradient, expected) / expected.Max(MathF.Abs);
            error.ShouldBeLessThan(1e-4, parameter.Name);
            worst = Math.Max(worst, error);
        }

        output.WriteLine($"{name}: logits within {logitError:E1}, loss within {lossError:E1}, gradients within {worst:E1} (relative)");
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Ten_AdamW_steps_with_clipping_follow_PyTorch(string name, int threads)
    {
        FixtureFile fixture = FixtureFile.Open(name);
        using WorkerPool pool = new(threads);
        using Gpt2Model model = Load(fixture);
        using Tape tape = new(pool, recording: true);
        JsonElement settings = fixture.Description.GetProperty("optimizer");
        using AdamW optimizer = new(model.Parameters, new AdamWOptions
        {
            Beta1 = settings.GetProperty("beta1").GetDouble(),
            Beta2 = settings.GetProperty("beta2").GetDouble(),
            Epsilon = settings.GetProperty("epsilon").GetDouble(),
            WeightDecay = settings.GetProperty("weight_decay").GetDouble(),
            GradientClip = settings.GetProperty("max_grad_norm").GetDouble(),
        });
        double learningRate = settings.GetProperty("learning_rate").GetDouble();
        long[] shape = fixture.Shape("train/tokens");
        int size = (int)(shape[1] * shape[2]);
        double worstLoss = 0, worstNorm = 0;
        for (int step = 0; step < 10; step++)
        {
            model.Parameters.ForgetGradients();
            tape.Begin();
            Tensor logits = model.Forward(tape, fixture.Ints("train/tokens").AsSpan(step * size, size), (int)shape[1]);
            Tensor loss = CrossEntropyOp.Forward(tape, logits, Targets(fixture.Ints("train/targets")).AsSpan(step * size, size));
            float lossValue = loss.Values[0];
            tape.Backward(loss);
            double norm = optimizer.GradientNorm(pool);
            optimizer.Update(learningRate, norm, pool);
            worstLoss = Math.Max(worstLoss, Differences.Largest([lossValue], [fixture.Floats("train/losses")[step]]));
            worstNorm = Math.Max(worstNorm, Differences.Largest([(float)norm], [fixture.Floats("train/grad_norms")[step]]));
        }

        worstLoss.ShouldBeLessThan(1e-4);
        worstNorm.ShouldBeLessThan(1e-4);
        double worstWeight = 0;
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            // The key bias has a true gradient of zero; AdamW turns its rounding errors into steps of full size.
            if (!parameter.Name.EndsWith("c_attn.bias", StringComparison.Ordinal))
            {
                worstWeight = Math.Max(worstWeight, Differences.Largest(parameter.Tensor.Values, fixture.Floats($"after/{parameter.Name}")));
            }
        }

        worstWeight.ShouldBeLessThan(1e-4);
        output.WriteLine($"{name}: losses within {worstLoss:E1}, norms within {worstNorm:E1}, weights within {worstWeight:E1}");
    }

    private static Gpt2Model Load(FixtureFile fixture)
    {
        JsonElement config = fixture.Description.GetProperty("config");
        Gpt2Model model = new(new Gpt2Config
        {
            LayerCount = config.GetProperty("n_layer").GetInt32(),
            HeadCount = config.GetProperty("n_head").GetInt32(),
            EmbeddingSize = config.GetProperty("n_embd").GetInt32(),
            ContextLength = config.GetProperty("n_positions").GetInt32(),
            VocabularySize = config.GetProperty("vocab_size").GetInt32(),
            Bias = config.GetProperty("bias").GetBoolean(),
            Activation = config.GetProperty("activation_function").GetString() == "gelu" ? Activation.GeluExact : Activation.GeluTanh,
        });
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            fixture.Floats($"weights/{parameter.Name}").CopyTo(parameter.Tensor.Values);
        }

        return model;
    }

    private static int[] Targets(int[] targets) => [.. targets.Select(t => t == TorchIgnoreIndex ? CrossEntropyOp.IgnoreIndex : t)];
}
