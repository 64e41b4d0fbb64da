using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Ops;

public sealed class ActivatedLinearOpTests
{
    [Theory]
    [InlineData(Activation.GeluExact)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.Relu)]
    public void It_is_a_linear_layer_and_an_activation_forward_and_backward(Activation activation)
    {
        using ParameterStore store = new();
        Tensor x = store.Add("x", new Shape(2, 7, 5)), weight = store.Add("weight", new Shape(5, 19)), bias = store.Add("bias", new Shape(19));
        store.Allocate();
        store.AllocateGradients();
        foreach (Parameter parameter in store.Parameters)
        {
            Values.Normal(parameter.Tensor.Shape.ElementCount, 1).CopyTo(parameter.Tensor.Values);
        }

        float[] one = Run(store, tape => ActivatedLinearOp.Forward(tape, x, weight, bias, activation));
        float[] two = Run(store, tape => ActivationOp.Forward(tape, LinearOp.Forward(tape, x, weight, bias), activation));

        for (int i = 0; i < one.Length; i++)
        {
            one[i].ShouldBe(two[i], 2e-6f * Math.Max(1, Math.Abs(two[i])), $"number {i}");
        }
    }

    [Fact]
    public void Without_a_way_back_it_needs_no_memory_but_its_result()
    {
        using ParameterStore store = new();
        Tensor x = store.Add("x", new Shape(3, 4)), weight = store.Add("weight", new Shape(4, 8));
        store.Allocate();
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);

        ActivatedLinearOp.Forward(tape, x, weight, null, Activation.GeluTanh);

        tape.BytesUsed.ShouldBe(Tape.BytesFor(3 * 8));
    }

    [Fact]
    public void Operands_that_do_not_fit_are_refused()
    {
        using ParameterStore store = new();
        Tensor x = store.Add("x", new Shape(3, 4)), weight = store.Add("weight", new Shape(4, 8)), wrong = store.Add("wrong", new Shape(5, 8));
        store.Allocate();
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);

        Should.Throw<ArgumentException>(() => ActivatedLinearOp.Forward(tape, x, wrong, null, Activation.Relu));
        Should.Throw<ArgumentException>(() => ActivatedLinearOp.Forward(tape, x, weight, x, Activation.Relu));
        Should.Throw<ArgumentOutOfRangeException>(() => ActivatedLinearOp.Forward(tape, x, weight, null, (Activation)99));
    }

    /// <summary>The result and all gradients of a weighted sum of it.</summary>
    private static float[] Run(ParameterStore store, Func<Tape, Tensor> forward)
    {
        using WorkerPool pool = new(2);
        using Tape tape = new(pool, recording: true);
        store.ForgetGradients();
        Tensor y = forward(tape);
        float[] result = y.Values.ToArray();
        tape.Backward(WeightedSumOp.Forward(tape, y, Values.Normal(result.Length, 9)));
        return [.. result, .. store.Parameters.SelectMany(parameter => parameter.Tensor.Gradient.ToArray())];
    }
}
