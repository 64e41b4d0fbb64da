using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>Layer norm over the last dimension.</summary>
public static unsafe class LayerNormOp
{
    /// <summary>y = (x - mean) / sqrt(variance + epsilon) * weight + bias.</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">[..., C].</param>
    /// <param name="weight">[C].</param>
    /// <param name="bias">[C], or null.</param>
    /// <param name="epsilon">Added to the variance; 1e-5 in GPT-2.</param>
    /// <returns>y of x's shape.</returns>
    /// <exception cref="ArgumentException">The shapes don't fit.</exception>
    public static Tensor Forward(Tape tape, Tensor x, Tensor weight, Tensor? bias, float epsilon)
    {
        Shape columns = new(x.Shape.Last);
        Check.Shape(nameof(LayerNormOp), "weight", weight, columns);
        Check.Shape(nameof(LayerNormOp), "bias", bias, columns);
        Check.Float32(nameof(LayerNormOp), "weight", weight);
        Check.Float32(nameof(LayerNormOp), "bias", bias);
        Tensor y = tape.NewTensor(x.Shape, Check.AnyWantsGradient(x, weight, bias));
        int rows = x.Shape.Rows;
        float* mean = tape.Allocate(rows);
        float* inverseDeviation = tape.Allocate(rows);
        using (tape.Measure("layer norm, forward", x.Shape, tensors: 2))
        {
            LayerNormKernel.Forward(
                x.Data, weight.Data, bias is null ? null : bias.Data, epsilon, rows, x.Shape.Last, y.Data, mean, inverseDeviation, tape.Pool);
        }

        if (y.RequiresGradient)
        {
            LayerNormNode node = tape.Record<LayerNormNode>(y);
            (node.X, node.Weight, node.Bias) = (x, weight, bias);
            node.Mean = mean;
            node.InverseDeviation = inverseDeviation;
        }
        else
        {
            tape.Free(mean, rows);
            tape.Free(inverseDeviation, rows);
        }

        return y;
    }

    /// <summary>The elements the backward pass of [rows, columns] takes from the tape beside the gradients.</summary>
    public static long BackwardWorkspace(int rows, int columns) => LayerNormKernel.BackwardWorkspace(rows, columns);

    private sealed class LayerNormNode : Node
    {
        public Tensor X = null!, Weight = null!;
        public Tensor? Bias;
        public float* Mean, InverseDeviation;

        public override void Backward(Tape tape)
        {
            bool accumulateX = false, accumulateWeight = false, accumulateBias = false;
            float* xGrad = X.RequiresGradient ? tape.GradientOf(X, out accumulateX) : null;
            float* weightGrad = Weight.RequiresGradient ? tape.GradientOf(Weight, out accumulateWeight) : null;
            float* biasGrad = Bias is { RequiresGradient: true } ? tape.GradientOf(Bias, out accumulateBias) : null;
            int rows = X.Shape.Rows, columns = X.Shape.Last;
            long workspaceLength = BackwardWorkspace(rows, columns);
            float* workspace = tape.Allocate(workspaceLength);
            using (tape.Measure("layer norm, backward", X.Shape, tensors: accumulateX ? 4 : 3))
            {
                LayerNormKernel.Backward(
                    X.Data, Weight.Data, Mean, InverseDeviation, Output.GradientData, rows, columns, xGrad, accumulateX,
                    weightGrad, accumulateWeight, biasGrad, accumulateBias, workspace, tape.Pool);
            }

            tape.Free(workspace, workspaceLength);
            tape.Free(Mean, rows);
            tape.Free(InverseDeviation, rows);
        }
    }
}
