using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Ops;

/// <summary>The residual connection.</summary>
public static unsafe class ResidualAddOp
{
    /// <summary>y = residual + branch, both of y's shape.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Forward(Tape tape, Tensor residual, Tensor branch)
    {
        Check.Shape(nameof(ResidualAddOp), "branch", branch, residual.Shape);
        Tensor y = tape.NewTensor(residual.Shape, Check.AnyWantsGradient(residual, branch));
        using (tape.Measure("residual, forward", y.Shape, tensors: 3))
        {
            ElementwiseKernel.DropoutAdd(branch.Data, Dropout.None, residual.Data, y.Shape.ElementCount, y.Data, tape.Pool);
        }

        if (y.RequiresGradient)
        {
            ResidualAddNode node = tape.Record<ResidualAddNode>(y);
            (node.Residual, node.Branch) = (residual, branch);
        }

        return y;
    }

    private sealed class ResidualAddNode : Node
    {
        public Tensor Residual = null!, Branch = null!;

        public override void Backward(Tape tape)
        {
            using OperationTimer timer = tape.Measure("residual, backward", Output.Shape, tensors: 2);
            if (Branch.RequiresGradient)
            {
                float* grad = tape.GradientOf(Branch, out bool accumulate);
                ElementwiseKernel.DropoutAdd(
                    Output.GradientData, Dropout.None, accumulate ? grad : null, Output.Shape.ElementCount, grad, tape.Pool);
            }

            if (Residual.RequiresGradient)
            {
                tape.PassOn(Output, Residual);
            }
        }
    }
}
