namespace Quatrain.Tensors.Ops;

/// <summary>Takes one position out of every sequence, for example the last, whose logits are all that decoding needs.</summary>
public static class SelectPositionOp
{
    /// <summary>y[b, 0] = x[b, position].</summary>
    /// <param name="tape">A tape that does not record: there is no backward pass yet.</param>
    /// <param name="x">[B, T, C].</param>
    /// <param name="position">In [0, T).</param>
    /// <returns>y [B, 1, C].</returns>
    /// <exception cref="InvalidOperationException">The tape records and x wants a gradient.</exception>
    public static Tensor Forward(Tape tape, Tensor x, int position)
    {
        Check.Rank(nameof(SelectPositionOp), "x", x, 3);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, x.Shape[1]);
        if (tape.Recording && x.RequiresGradient)
        {
            throw new InvalidOperationException("SelectPositionOp: it passes no gradient on; use it on a tape that does not record.");
        }

        int batchSize = x.Shape[0], length = x.Shape[1], columns = x.Shape[2];
        Tensor y = tape.NewTensor(new Shape(batchSize, 1, columns), requiresGradient: false);
        for (int b = 0; b < batchSize; b++)
        {
            x.Values.Slice((b * length + position) * columns, columns).CopyTo(y.Values.Slice(b * columns, columns));
        }

        return y;
    }
}
