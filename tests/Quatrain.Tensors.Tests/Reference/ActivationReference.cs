using Quatrain.Tensors.Ops;

namespace Quatrain.Tensors.Tests.Reference;

/// <summary>The activation functions and their derivatives in double precision.</summary>
internal static class ActivationReference
{
    private static readonly double Scale = Math.Sqrt(2 / Math.PI);

    /// <summary>f(x).</summary>
    public static double Value(Activation activation, double x) => activation switch
    {
        Activation.GeluExact => x * NormalDistribution.Probability(x),
        Activation.GeluTanh => 0.5 * x * (1 + Math.Tanh(Scale * (x + 0.044715 * x * x * x))),
        _ => Math.Max(x, 0),
    };

    /// <summary>f'(x).</summary>
    public static double Derivative(Activation activation, double x)
    {
        switch (activation)
        {
            case Activation.GeluExact:
                return NormalDistribution.Probability(x) + x * NormalDistribution.Density(x);
            case Activation.GeluTanh:
                double tanh = Math.Tanh(Scale * (x + 0.044715 * x * x * x));
                return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * Scale * (1 + 3 * 0.044715 * x * x);
            default:
                return x > 0 ? 1 : 0;
        }
    }
}
