using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>Makes a scalar of a tensor of any shape, for checks of gradients.</summary>
public static unsafe class WeightedSumOp
{
    /// <summary>y = the sum of x * weights, added up in double precision.</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">Any shape.</param>
    /// <param name="weights">One constant for each element of x.</param>
    /// <returns>The sum, a scalar [1].</returns>
    /// <exception cref="ArgumentException">There is not one weight an element.</exception>
    public static Tensor Forward(Tape tape, Tensor x, ReadOnlySpan<float> weights)
    {
        int count = x.Shape.ElementCount;
        if (weights.Length != count)
        {
            throw new ArgumentException($"WeightedSumOp: {weights.Length} weights for x {x.Shape}; there must be one an element, {count}.");
        }

        Tensor y = tape.NewTensor(new Shape(1), x.RequiresGradient);
        float* copy = tape.Allocate(count);
        weights.CopyTo(new Span<float>(copy, count));
        *y.Data = (float)WeightedSumKernel.Forward(x.Data, copy, count);
        if (y.RequiresGradient)
        {
            WeightedSumNode node = tape.Record<WeightedSumNode>(y);
            node.X = x;
            node.Weights = copy;
        }
        else
        {
            tape.Free(copy, count);
        }

        return y;
    }

    private sealed class WeightedSumNode : Node
    {
        public Tensor X = null!;
        public float* Weights;

        public override void Backward(Tape tape)
        {
            float* grad = tape.GradientOf(X, out bool accumulate);
            WeightedSumKernel.Backward(Weights, *Output.GradientData, X.Shape.ElementCount, grad, accumulate);
            tape.Free(Weights, X.Shape.ElementCount);
        }
    }
}
