using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>Dropout: zeroes elements at random and scales the others by 1 / (1 - rate); the identity on a tape that does not record.</summary>
/// <remarks>Source: Srivastava et al., "Dropout", JMLR 15 (2014). The mask is not stored: see <see cref="Dropout"/>.</remarks>
public static unsafe class DropoutOp
{
    /// <summary>y = mask * x, of x's shape; x itself where nothing is dropped.</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="rate">The share of elements to drop, in [0, 1).</param>
    public static Tensor Forward(Tape tape, Tensor x, float rate)
    {
        if (!tape.Recording || rate == 0)
        {
            return x;
        }

        Dropout dropout = new(rate, tape.NextDropoutKey());
        Tensor y = tape.NewTensor(x.Shape, x.RequiresGradient);
        using (tape.Measure("dropout, forward", y.Shape, tensors: 2))
        {
            ElementwiseKernel.DropoutAdd(x.Data, dropout, null, x.Shape.ElementCount, y.Data, tape.Pool);
        }

        if (y.RequiresGradient)
        {
            DropoutNode node = tape.Record<DropoutNode>(y);
            (node.X, node.Dropout) = (x, dropout);
        }

        return y;
    }

    private sealed class DropoutNode : Node
    {
        public Tensor X = null!;
        public Dropout Dropout;

        public override void Backward(Tape tape)
        {
            float* grad = tape.GradientOf(X, out bool accumulate);
            using OperationTimer timer = tape.Measure("dropout, backward", X.Shape, tensors: 2);
            ElementwiseKernel.DropoutAdd(Output.GradientData, Dropout, accumulate ? grad : null, X.Shape.ElementCount, grad, tape.Pool);
        }
    }
}
