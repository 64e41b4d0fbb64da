using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>Multiplication by a number that is not learned.</summary>
public static unsafe class ScaleOp
{
    /// <summary>y = factor x, of x's shape.</summary>
    public static Tensor Forward(Tape tape, Tensor x, float factor)
    {
        Tensor y = tape.NewTensor(x.Shape, x.RequiresGradient);
        using (tape.Measure("scale, forward", y.Shape, tensors: 2))
        {
            ElementwiseKernel.Scale(x.Data, factor, null, x.Shape.ElementCount, y.Data, tape.Pool);
        }

        if (y.RequiresGradient)
        {
            ScaleNode node = tape.Record<ScaleNode>(y);
            (node.X, node.Factor) = (x, factor);
        }

        return y;
    }

    private sealed class ScaleNode : Node
    {
        public Tensor X = null!;
        public float Factor;

        public override void Backward(Tape tape)
        {
            float* grad = tape.GradientOf(X, out bool accumulate);
            using OperationTimer timer = tape.Measure("scale, backward", X.Shape, tensors: 2);
            ElementwiseKernel.Scale(Output.GradientData, Factor, accumulate ? grad : null, X.Shape.ElementCount, grad, tape.Pool);
        }
    }
}
