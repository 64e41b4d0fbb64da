using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>The mean of the vectors of each sequence of a batch, padding left out.</summary>
public static unsafe class MeanPoolOp
{
    /// <summary>y[b, 0] = (x[b, 0] + ... + x[b, lengths[b] - 1]) / lengths[b], added in that order.</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">[B, T, C].</param>
    /// <param name="lengths">How many positions of each sequence count, in [1, T]; what comes after is padding.</param>
    /// <returns>y [B, 1, C].</returns>
    /// <exception cref="ArgumentException">There is not one length a sequence, or one lies outside [1, T].</exception>
    public static Tensor Forward(Tape tape, Tensor x, ReadOnlySpan<int> lengths)
    {
        Check.Rank(nameof(MeanPoolOp), "x", x, 3);
        int batchSize = x.Shape[0], length = x.Shape[1], columns = x.Shape[2];
        if (lengths.Length != batchSize)
        {
            throw new ArgumentException($"MeanPoolOp: {lengths.Length} lengths for x {x.Shape}; there must be one a sequence, {batchSize}.");
        }

        for (int b = 0; b < batchSize; b++)
        {
            if (lengths[b] < 1 || lengths[b] > length)
            {
                throw new ArgumentException($"MeanPoolOp: lengths[{b}] is {lengths[b]}; it must lie in [1, {length}].");
            }
        }

        Tensor y = tape.NewTensor(new Shape(batchSize, 1, columns), x.RequiresGradient);
        for (int b = 0; b < batchSize; b++)
        {
            float* mean = y.Data + (nint)b * columns;
            ColumnSumKernel.Sum(x.Data + (nint)b * length * columns, columns, lengths[b], columns, mean, accumulate: false, tape.Pool);
            Scale(mean, 1f / lengths[b], columns);
        }

        if (y.RequiresGradient)
        {
            MeanPoolNode node = tape.Record<MeanPoolNode>(y);
            node.X = x;
            node.Lengths = tape.Copy(lengths);
        }

        return y;
    }

    private static void Scale(float* x, float factor, int count)
    {
        for (int i = 0; i < count; i++)
        {
            x[i] *= factor;
        }
    }

    private sealed class MeanPoolNode : Node
    {
        public Tensor X = null!;
        public int* Lengths;

        public override void Backward(Tape tape)
        {
            float* grad = tape.GradientOf(X, out bool accumulate);
            int batchSize = X.Shape[0], length = X.Shape[1], columns = X.Shape[2];
            if (!accumulate)
            {
                new Span<float>(grad, X.Shape.ElementCount).Clear();
            }

            for (int b = 0; b < batchSize; b++)
            {
                // Each position's share is the same.
                float* share = Output.GradientData + (nint)b * columns;
                Scale(share, 1f / Lengths[b], columns);
                for (int t = 0; t < Lengths[b]; t++)
                {
                    float* to = grad + ((nint)b * length + t) * columns;
                    ElementwiseKernel.DropoutAdd(share, Dropout.None, accumulate ? to : null, columns, to, tape.Pool);
                }
            }

            tape.Free(Lengths, batchSize);
        }
    }
}
