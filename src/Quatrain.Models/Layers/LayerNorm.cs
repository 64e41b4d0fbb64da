using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Layers;

/// <summary>Brings each token's vector to mean 0 and variance 1, then scales and shifts it by learned amounts.</summary>
public sealed class LayerNorm
{
    private readonly float _epsilon;

    /// <summary>Adds <c>name.weight</c> [size] and, with a bias, <c>name.bias</c> [size] to <paramref name="parameters"/>.</summary>
    public LayerNorm(ParameterStore parameters, string name, int size, float epsilon, bool bias)
    {
        _epsilon = epsilon;
        Weight = parameters.Add($"{name}.weight", new Shape(size));
        Bias = bias ? parameters.Add($"{name}.bias", new Shape(size)) : null;
    }

    /// <summary>[size].</summary>
    public Tensor Weight { get; }

    /// <summary>[size], or null.</summary>
    public Tensor? Bias { get; }

    /// <summary>x [..., size] to the same shape.</summary>
    public Tensor Forward(Tape tape, Tensor x) => LayerNormOp.Forward(tape, x, Weight, Bias, _epsilon);
}
