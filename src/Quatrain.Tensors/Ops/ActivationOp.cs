using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>The activation functions there are.</summary>
public enum Activation
{
    /// <summary>x Phi(x), as nanoGPT.</summary>
    GeluExact,

    /// <summary>0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), as GPT-2.</summary>
    GeluTanh,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>Applies an activation function to each element.</summary>
public static unsafe class ActivationOp
{
    /// <summary>y = f(x), of x's shape.</summary>
    public static Tensor Forward(Tape tape, Tensor x, Activation activation)
    {
        Tensor y = tape.NewTensor(x.Shape, x.RequiresGradient);
        int count = x.Shape.ElementCount;
        using (tape.Measure("activation, forward", x.Shape, tensors: 2))
        {
            switch (activation)
            {
                case Activation.GeluExact:
                    ActivationKernel.Forward<GeluExact>(x.Data, count, y.Data, tape.Pool);
                    break;
                case Activation.GeluTanh:
                    ActivationKernel.Forward<GeluTanh>(x.Data, count, y.Data, tape.Pool);
                    break;
                case Activation.Relu:
                    ActivationKernel.Forward<Relu>(x.Data, count, y.Data, tape.Pool);
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(activation));
            }
        }

        if (y.RequiresGradient)
        {
            ActivationNode node = tape.Record<ActivationNode>(y);
            (node.X, node.Activation) = (x, activation);
        }

        return y;
    }

    /// <summary>dx = dy f'(x), or dx += it; dx may be dy itself.</summary>
    internal static void Backward(Tape tape, Activation activation, float* x, float* yGrad, Shape shape, float* xGrad, bool accumulate)
    {
        int count = shape.ElementCount;
        using OperationTimer timer = tape.Measure("activation, backward", shape, tensors: 3);
        switch (activation)
        {
            case Activation.GeluExact:
                ActivationKernel.Backward<GeluExact>(x, yGrad, count, xGrad, accumulate, tape.Pool);
                break;
            case Activation.GeluTanh:
                ActivationKernel.Backward<GeluTanh>(x, yGrad, count, xGrad, accumulate, tape.Pool);
                break;
            default:
                ActivationKernel.Backward<Relu>(x, yGrad, count, xGrad, accumulate, tape.Pool);
                break;
        }
    }

    private sealed class ActivationNode : Node
    {
        public Tensor X = null!;
        public Activation Activation;

        public override void Backward(Tape tape)
        {
            float* grad = tape.GradientOf(X, out bool accumulate);
            ActivationOp.Backward(tape, Activation, X.Data, Output.GradientData, X.Shape, grad, accumulate);
        }
    }
}
