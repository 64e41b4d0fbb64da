using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>The linear layer, with weights in either of the two orders that GPT-2's checkpoint has.</summary>
public static unsafe class LinearOp
{
    /// <summary>
    /// y = x W + bias + residual, with x [..., K] and W [K, N], the order [in, out] of GPT-2's Conv1D layers.
    /// </summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">[..., K].</param>
    /// <param name="weight">[K, N].</param>
    /// <param name="bias">[N], or null.</param>
    /// <param name="residual">[..., N], or null: added in the same pass over the result.</param>
    /// <returns>y [..., N].</returns>
    /// <exception cref="ArgumentException">The shapes don't fit; the message names the operand and both shapes.</exception>
    public static Tensor Forward(Tape tape, Tensor x, Tensor weight, Tensor? bias = null, Tensor? residual = null)
    {
        Check.Rank(nameof(LinearOp), "weight", weight, 2);
        Check.Last(nameof(LinearOp), "x", x, weight.Shape[0]);
        return Forward(tape, x, weight, bias, residual, transposed: false);
    }

    /// <summary>
    /// y = x W^T + residual, with x [..., K] and W [N, K], the order [out, in] of a token embedding, which the output head is tied to, and of PyTorch's layers.
    /// </summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">[..., K].</param>
    /// <param name="weight">[N, K].</param>
    /// <param name="residual">[..., N], or null: added in the same pass over the result.</param>
    /// <returns>y [..., N].</returns>
    /// <exception cref="ArgumentException">The shapes don't fit; the message names the operand and both shapes.</exception>
    public static Tensor ForwardTransposed(Tape tape, Tensor x, Tensor weight, Tensor? residual = null)
    {
        Check.Rank(nameof(LinearOp), "weight", weight, 2);
        Check.Last(nameof(LinearOp), "x", x, weight.Shape[1]);
        return Forward(tape, x, weight, bias: null, residual, transposed: true);
    }

    private static Tensor Forward(Tape tape, Tensor x, Tensor weight, Tensor? bias, Tensor? residual, bool transposed)
    {
        int outputs = weight.Shape[transposed ? 0 : 1];
        Shape shape = x.Shape.WithLast(outputs);
        Check.Shape(nameof(LinearOp), "bias", bias, new Shape(outputs));
        Check.Shape(nameof(LinearOp), "residual", residual, shape);
        Check.Float32(nameof(LinearOp), "bias", bias);
        Check.Recordable(nameof(LinearOp), "weight", tape, weight);
        Tensor y = tape.NewTensor(shape, Check.AnyWantsGradient(x, weight, bias, residual));
        using (tape.MeasureProduct("linear, forward", x.Shape.Rows, outputs, x.Shape.Last))
        {
            MatMulResult result = new(y.Data, outputs, bias is null ? null : bias.Data, residual is null ? null : residual.Data, outputs, activated: null);
            WeightProduct.Multiply<Identity>(nameof(LinearOp), tape, x, weight, transposed, outputs, result);
        }

        if (y.RequiresGradient)
        {
            LinearNode node = tape.Record<LinearNode>(y);
            (node.X, node.Weight, node.Bias, node.Residual, node.Transposed) = (x, weight, bias, residual, transposed);
        }

        return y;
    }
}
