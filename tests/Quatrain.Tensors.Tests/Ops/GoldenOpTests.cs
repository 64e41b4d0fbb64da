using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Ops;

/// <summary>Each op against what PyTorch computed in double precision: its output, and the gradient of every input.</summary>
public sealed class GoldenOpTests(ITestOutputHelper output)
{
    private const int TorchIgnoreIndex = -100;

    private static readonly FixtureFile Fixture = FixtureFile.Open("ops");

    [Theory]
    [InlineData("layer_norm", "weight", "bias")]
    [InlineData("layer_norm_no_bias", "weight")]
    public void Layer_norm_is_that_of_PyTorch(string op, params string[] parameters)
    {
        float epsilon = Fixture.Description.GetProperty("layer_norm_epsilon").GetSingle();
        // One row is so flat that its gradient is two hundred times the others'; another lies at 20 and loses digits to its mean.
        Compare(op, "y", ["x", .. parameters], 5e-6, (tape, inputs) => LayerNormOp.Forward(tape, inputs[0], inputs[1], inputs.ElementAtOrDefault(2), epsilon));
    }

    [Theory]
    [InlineData("gelu_tanh", Activation.GeluTanh)]
    [InlineData("gelu_exact", Activation.GeluExact)]
    [InlineData("relu", Activation.Relu)]
    public void Activations_are_those_of_PyTorch(string op, Activation activation) =>
        Compare(op, "y", ["x"], 1e-6, (tape, inputs) => ActivationOp.Forward(tape, inputs[0], activation));

    [Fact]
    public void Linear_is_that_of_PyTorch() =>
        Compare("linear", "y", ["x", "weight", "bias"], 1e-6, (tape, inputs) => LinearOp.Forward(tape, inputs[0], inputs[1], inputs[2]));

    [Fact]
    public void Causal_attention_is_that_of_PyTorch()
    {
        int heads = Fixture.Description.GetProperty("causal_attention_heads").GetInt32();
        Compare("causal_attention", "y", ["qkv"], 2e-6, (tape, inputs) => CausalAttentionOp.Forward(tape, inputs[0], heads));
    }

    [Fact]
    public void Cross_entropy_is_that_of_PyTorch()
    {
        int[] targets = [.. Fixture.Ints("cross_entropy/targets").Select(id => id == TorchIgnoreIndex ? CrossEntropyOp.IgnoreIndex : id)];
        // One row lies near 200, where a float32 is only known to 1.5e-5.
        Compare("cross_entropy", "loss", ["logits"], 1e-5, (tape, inputs) => CrossEntropyOp.Forward(tape, inputs[0], targets));
    }

    private void Compare(string op, string outputName, string[] inputs, double tolerance, Func<Tape, Tensor[], Tensor> forward)
    {
        using WorkerPool pool = new(2);
        using ParameterStore store = new();
        using Tape tape = new(pool, recording: true);
        Tensor[] tensors = [.. inputs.Select(input => store.Add(input, new Shape([.. Fixture.Shape($"{op}/{input}").Select(size => (int)size)])))];
        store.Allocate();
        store.AllocateGradients();
        for (int i = 0; i < inputs.Length; i++)
        {
            Fixture.Floats($"{op}/{inputs[i]}").CopyTo(tensors[i].Values);
        }

        tape.Begin();
        Tensor y = forward(tape, tensors);
        ShouldBeNear(y.Values, $"{op}/{outputName}", tolerance);
        float[] upstream = Fixture.Floats($"{op}/d{outputName}");
        tape.Backward(upstream.Length == 1 ? y : WeightedSumOp.Forward(tape, y, upstream), upstream.Length == 1 ? upstream[0] : 1);
        for (int i = 0; i < inputs.Length; i++)
        {
            ShouldBeNear(tensors[i].Gradient, $"{op}/d{inputs[i]}", tolerance);
        }
    }

    private void ShouldBeNear(ReadOnlySpan<float> actual, string name, double tolerance)
    {
        float[] expected = Fixture.Floats(name);
        actual.Length.ShouldBe(expected.Length);
        double worst = 0, largest = expected.Max(MathF.Abs);
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs((double)actual[i] - expected[i]) / largest;
            worst = error <= worst ? worst : error;
        }

        output.WriteLine($"{name}: worst relative error {worst:E1}");
        worst.ShouldBeLessThan(tolerance, name);
    }
}
