using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>A linear layer with an activation function, which is applied while the layer's results are in the caches.</summary>
public static unsafe class ActivatedLinearOp
{
    /// <summary>y = f(x W + bias), with x [..., K] and W [K, N].</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">[..., K].</param>
    /// <param name="weight">[K, N].</param>
    /// <param name="bias">[N], or null.</param>
    /// <param name="activation">f.</param>
    /// <returns>y [..., N].</returns>
    /// <exception cref="ArgumentException">The shapes don't fit; the message names the operand and both shapes.</exception>
    public static Tensor Forward(Tape tape, Tensor x, Tensor weight, Tensor? bias, Activation activation)
    {
        Check.Rank(nameof(ActivatedLinearOp), "weight", weight, 2);
        Check.Last(nameof(ActivatedLinearOp), "x", x, weight.Shape[0]);
        int rows = x.Shape.Rows, inputs = x.Shape.Last, outputs = weight.Shape[1];
        Check.Shape(nameof(ActivatedLinearOp), "bias", bias, new Shape(outputs));
        Check.Float32(nameof(ActivatedLinearOp), "bias", bias);
        Check.Recordable(nameof(ActivatedLinearOp), "weight", tape, weight);
        Tensor y = tape.NewTensor(x.Shape.WithLast(outputs), Check.AnyWantsGradient(x, weight, bias));
        // The way back needs what f was applied to; without one it is written over.
        float* sums = y.RequiresGradient ? tape.Allocate(y.Shape.ElementCount) : y.Data;
        float* biasData = bias is null ? null : bias.Data;
        MatMulResult result = new(sums, outputs, biasData, null, 0, activated: y.Data);
        using (tape.MeasureProduct("linear, forward", rows, outputs, inputs))
        {
            switch (activation)
            {
                case Activation.GeluExact:
                    WeightProduct.Multiply<GeluExact>(nameof(ActivatedLinearOp), tape, x, weight, transposed: false, outputs, result);
                    break;
                case Activation.GeluTanh:
                    WeightProduct.Multiply<GeluTanh>(nameof(ActivatedLinearOp), tape, x, weight, transposed: false, outputs, result);
                    break;
                case Activation.Relu:
                    WeightProduct.Multiply<Relu>(nameof(ActivatedLinearOp), tape, x, weight, transposed: false, outputs, result);
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(activation));
            }
        }

        if (y.RequiresGradient)
        {
            ActivatedLinearNode node = tape.Record<ActivatedLinearNode>(y);
            (node.X, node.Weight, node.Bias, node.Activation) = (x, weight, bias, activation);
            node.Sums = sums;
        }

        return y;
    }

    private sealed class ActivatedLinearNode : LinearNode
    {
        public Activation Activation;
        public float* Sums;

        public override void Backward(Tape tape)
        {
            ActivationOp.Backward(tape, Activation, Sums, Output.GradientData, Output.Shape, Output.GradientData, accumulate: false);
            tape.Free(Sums, Output.Shape.ElementCount);
            base.Backward(tape);
        }
    }
}
