using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Verification;

/// <summary>A case in which one op's gradients are checked, all operands being parameters with normally distributed values.</summary>
public sealed class OpGradientCheck
{
    private readonly GradientCheckOptions _options;
    private readonly Func<ParameterStore, Func<Tape, Tensor>> _declare;

    internal OpGradientCheck(string name, Func<ParameterStore, Func<Tape, Tensor>> declare, GradientCheckOptions? options = null)
    {
        Name = name;
        _declare = declare;
        _options = options ?? new GradientCheckOptions();
    }

    /// <summary>The op and what is particular about the case.</summary>
    public string Name { get; }

    /// <summary>The largest relative error that passes.</summary>
    public double Tolerance { get; } = 5e-4;

    /// <summary>Measures the gradients and compares.</summary>
    public GradientCheckResult Run(WorkerPool pool)
    {
        using ParameterStore operands = new();
        IReadOnlyList<TensorGradientError> errors = GradientCheck.Run(operands, Prepare(operands), pool, _options);
        return new GradientCheckResult(Name, errors.Sum(error => error.Elements), errors.Max(error => error.MaxRelativeError), Tolerance);
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    /// <summary>Adds the operands to an empty store, gives them values, and returns the function under check.</summary>
    internal Func<Tape, Tensor> Prepare(ParameterStore operands)
    {
        Func<Tape, Tensor> forward = _declare(operands);
        operands.Allocate();
        for (int i = 0; i < operands.Parameters.Count; i++)
        {
            RandomSource random = new(_options.Seed, 2, (ulong)i);
            foreach (ref float value in operands.Parameters[i].Tensor.Values)
            {
                value = (float)random.NextNormal();
            }
        }

        return forward;
    }
}
