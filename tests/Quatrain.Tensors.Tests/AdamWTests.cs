using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Reference;

namespace Quatrain.Tensors.Tests;

public sealed class AdamWTests : IDisposable
{
    private readonly WorkerPool _pool = new(1);
    private readonly ParameterStore _store = new();
    private readonly Tensor _matrix, _bias;

    public AdamWTests()
    {
        _matrix = _store.Add("matrix", new Shape(1, 2));
        _bias = _store.Add("bias", new Shape(2));
        _store.Allocate();
        _matrix.Values.Fill(0.5f);
        _bias.Values.Fill(0.5f);
    }

    public void Dispose()
    {
        _store.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void A_norm_whose_moments_would_be_infinite_is_infinite()
    {
        using AdamW optimizer = new(_store, new AdamWOptions());

        SetGradients(optimizer, 1e18f, 1e18f).ShouldBe(2e18, 1e13);
        SetGradients(optimizer, 1e19f, 1e19f).ShouldBe(double.PositiveInfinity);
        double.IsNaN(SetGradients(optimizer, float.NaN, 1)).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void Steps_follow_the_reference_and_only_matrices_decay(double clip)
    {
        AdamWOptions options = new() { GradientClip = clip };
        using AdamW optimizer = new(_store, options);
        (double Weight, double First, double Second) matrix = (0.5, 0, 0), bias = (0.5, 0, 0);
        for (int step = 1; step <= 5; step++)
        {
            double norm = SetGradients(optimizer, 3, 4);
            norm.ShouldBe(Math.Sqrt(2 * 9 + 2 * 16), 1e-6);
            optimizer.Update(0.01, norm, _pool);
            double scale = clip == 0 ? 1 : Math.Min(1, clip / norm);
            AdamWReference reference = new(0.01, options.Beta1, options.Beta2, options.Epsilon, options.WeightDecay, scale);
            matrix = reference.Update(matrix.Weight, 3, matrix.First, matrix.Second, step);
            bias = (reference with { WeightDecay = 0 }).Update(bias.Weight, 4, bias.First, bias.Second, step);
        }

        optimizer.Step.ShouldBe(5);
        ((double)_matrix.Values[1]).ShouldBe(matrix.Weight, 1e-6);
        ((double)_bias.Values[1]).ShouldBe(bias.Weight, 1e-6);
        ((double)optimizer.FirstMoment(_store["bias"])[0]).ShouldBe(bias.First, 1e-6 * bias.First);
        ((double)optimizer.SecondMoment(_store["matrix"])[0]).ShouldBe(matrix.Second, 2e-6 * matrix.Second);
    }

    [Fact]
    public void A_parameter_that_no_gradient_reached_counts_as_zero()
    {
        using AdamW optimizer = new(_store, new AdamWOptions());
        SetGradients(optimizer, 3, 4);
        _store.ForgetGradients();

        optimizer.GradientNorm(_pool).ShouldBe(0);

        _bias.Gradient.ToArray().ShouldBe([0, 0]);
    }

    [Fact]
    public void Several_stores_train_as_one_would_and_frozen_parameters_stay()
    {
        using ParameterStore frozen = new(), other = new();
        Tensor still = frozen.Add("still", new Shape(2)), bias = other.Add("bias", new Shape(2));
        Tensor unmoved = other.Add("unmoved", new Shape(20));
        frozen.Allocate();
        other.Allocate();
        bias.Values.Fill(0.5f);
        frozen.Freeze(_ => true);
        other.Freeze(parameter => parameter.Tensor == unmoved);
        _store.Freeze(parameter => parameter.Tensor == _bias);
        using AdamW apart = new([frozen, _store, other], new AdamWOptions());

        using ParameterStore both = new();
        Tensor matrix = both.Add("matrix", new Shape(1, 2)), sameBias = both.Add("bias", new Shape(2));
        both.Allocate();
        matrix.Values.Fill(0.5f);
        sameBias.Values.Fill(0.5f);
        using AdamW together = new(both, new AdamWOptions());
        for (int step = 0; step < 3; step++)
        {
            double norm = SetGradients([_store, other], apart, _matrix, bias);
            norm.ShouldBe(SetGradients([both], together, matrix, sameBias));
            apart.Update(0.01, norm, _pool);
            together.Update(0.01, norm, _pool);
        }

        apart.Parameters.Select(parameter => parameter.Name).ShouldBe(["matrix", "bias"]);
        _matrix.Values.ToArray().ShouldBe(matrix.Values.ToArray());
        bias.Values.ToArray().ShouldBe(sameBias.Values.ToArray());
        _bias.Values.ToArray().ShouldAllBe(value => value == 0.5f);
        unmoved.Values.ToArray().ShouldAllBe(value => value == 0);
        still.Values.ToArray().ShouldAllBe(value => value == 0);
        apart.SecondMoment(other["bias"]).ToArray().ShouldBe(together.SecondMoment(both["bias"]).ToArray());
        Should.Throw<ArgumentException>(() => apart.FirstMoment(other["unmoved"]).Length).Message.ShouldContain("'unmoved'");
    }

    private double SetGradients(AdamW optimizer, float matrix, float bias) => SetGradients([_store], optimizer, _matrix, _bias, matrix, bias);

    private double SetGradients(ParameterStore[] stores, AdamW optimizer, Tensor matrix, Tensor bias, float matrixGradient = 3, float biasGradient = 4)
    {
        using Tape tape = new(_pool, recording: true);
        Array.ForEach(stores, store => store.ForgetGradients());
        Tensor a = WeightedSumOp.Forward(tape, matrix, [matrixGradient, matrixGradient]), b = WeightedSumOp.Forward(tape, bias, [biasGradient, biasGradient]);
        tape.Backward(ResidualAddOp.Forward(tape, a, b));
        return optimizer.GradientNorm(_pool);
    }
}
