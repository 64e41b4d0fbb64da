using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Verification;

namespace Quatrain.Tensors.Tests.Verification;

public sealed class GradientCheckTests
{
    [Theory]
    [InlineData(1f, true)]
    [InlineData(1.01f, false)]
    [InlineData(0.99f, false)]
    [InlineData(float.NaN, false)]
    public void A_gradient_that_is_wrong_by_one_percent_is_found(float factor, bool passes)
    {
        using WorkerPool pool = new(1);
        OpGradientCheck check = new("identity", store =>
        {
            Tensor x = store.Add("x", new Shape(4, 3));
            return tape => Identity(tape, x, factor);
        });

        check.Run(pool).Passed.ShouldBe(passes);
    }

    [Fact]
    public void One_wrong_element_is_named()
    {
        using WorkerPool pool = new(1);
        using ParameterStore store = new();
        Tensor x = store.Add("x", new Shape(12));
        store.Allocate();
        x.Values.Fill(1);

        TensorGradientError error = GradientCheck.Run(store, tape => Identity(tape, x, 1, wrongElement: 5), pool).ShouldHaveSingleItem();

        (error.Name, error.Elements, error.WorstIndex).ShouldBe(("x", 12, 5));
        error.Analytic.ShouldBe(2 * error.Numeric, 1e-4 * Math.Abs(error.Numeric));
        error.MaxRelativeError.ShouldBe(0.5, 1e-3);
    }

    [Fact]
    public void A_missing_gradient_is_found()
    {
        using WorkerPool pool = new(1);
        using ParameterStore store = new();
        Tensor seen = store.Add("seen", new Shape(5)), hidden = store.Add("hidden", new Shape(5));
        store.Allocate();
        seen.Values.Fill(1);
        hidden.Values.Fill(1);

        IReadOnlyList<TensorGradientError> errors = GradientCheck.Run(store, tape =>
        {
            Tensor y = ResidualAddOp.Forward(tape, seen, seen);
            for (int i = 0; i < 5; i++)
            {
                y.Values[i] += hidden.Values[i];
            }

            return y;
        }, pool);

        errors[0].MaxRelativeError.ShouldBeLessThan(1e-3);
        errors[1].MaxRelativeError.ShouldBe(1);
    }

    [Fact]
    public void Parameters_keep_their_values_and_frozen_ones_are_left_out()
    {
        using WorkerPool pool = new(1);
        using ParameterStore store = new();
        Tensor x = store.Add("x", new Shape(2, 3)), weight = store.Add("weight", new Shape(3, 4));
        store.Allocate();
        x.Values.Fill(0.1f);
        weight.Values.Fill(-0.3f);
        weight.RequiresGradient = false;

        TensorGradientError error = GradientCheck.Run(store, tape => LinearOp.Forward(tape, x, weight), pool).ShouldHaveSingleItem();

        error.Name.ShouldBe("x");
        x.Values.ToArray().ShouldAllBe(value => value == 0.1f);
        weight.Values.ToArray().ShouldAllBe(value => value == -0.3f);
    }

    [Fact]
    public void A_large_tensor_is_sampled_and_kinks_are_skipped()
    {
        using WorkerPool pool = new(1);
        using ParameterStore store = new();
        Tensor x = store.Add("x", new Shape(1000));
        store.Allocate();
        for (int i = 0; i < 1000; i++)
        {
            // Every other element is so near the kink that the differences would cross it.
            x.Values[i] = i % 2 == 0 ? 1e-4f : 1 - i % 4;
        }

        GradientCheckOptions options = new() { MaxElementsPerTensor = 100, SkipAcrossZero = true };
        TensorGradientError error = GradientCheck.Run(store, tape => ActivationOp.Forward(tape, x, Activation.Relu), pool, options).ShouldHaveSingleItem();

        (error.Elements + error.Skipped).ShouldBe(100);
        error.Skipped.ShouldBeInRange(20, 80);
        error.MaxRelativeError.ShouldBeLessThan(1e-3);
        TensorGradientError blind = GradientCheck.Run(
            store, tape => ActivationOp.Forward(tape, x, Activation.Relu), pool, options with { SkipAcrossZero = false }).ShouldHaveSingleItem();
        blind.MaxRelativeError.ShouldBeGreaterThan(0.1);
    }

    [Fact]
    public void An_output_that_depends_on_no_parameter_is_refused()
    {
        using WorkerPool pool = new(1);
        using ParameterStore store = new();
        Tensor x = store.Add("x", new Shape(3));
        store.Allocate();
        x.RequiresGradient = false;

        Should.Throw<InvalidOperationException>(() => GradientCheck.Run(store, tape => ResidualAddOp.Forward(tape, x, x), pool));
    }

    private static unsafe Tensor Identity(Tape tape, Tensor x, float factor, int wrongElement = -1)
    {
        Tensor y = tape.NewTensor(x.Shape, x.RequiresGradient);
        x.Values.CopyTo(y.Values);
        IdentityNode node = tape.Record<IdentityNode>(y);
        (node.X, node.Factor, node.WrongElement) = (x, factor, wrongElement);
        return y;
    }

    private sealed unsafe class IdentityNode : Node
    {
        public Tensor X = null!;
        public float Factor;
        public int WrongElement;

        public override void Backward(Tape tape)
        {
            float* grad = tape.GradientOf(X, out _);
            for (int i = 0; i < X.Shape.ElementCount; i++)
            {
                grad[i] = Output.GradientData[i] * (i == WrongElement ? 2 : Factor);
            }
        }
    }
}
