using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>Takes some positions out of a batch of sequences, for example the last of each, so that what follows works on these alone.</summary>
public static unsafe class SelectRowsOp
{
    /// <summary>y[i, 0] = x[rows[i]], where the sequences of x lie one after the other: position t of sequence b is row b T + t.</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="x">[..., C].</param>
    /// <param name="rows">The rows wanted, ascending; none twice.</param>
    /// <returns>y [rows.Length, 1, C]: sequences of one token.</returns>
    /// <exception cref="ArgumentException">There is no row, one lies outside x, or they don't ascend.</exception>
    public static Tensor Forward(Tape tape, Tensor x, ReadOnlySpan<int> rows)
    {
        int columns = x.Shape.Last;
        if (rows.IsEmpty)
        {
            throw new ArgumentException("SelectRowsOp: no row is selected; name at least one.");
        }

        Check.Ids(nameof(SelectRowsOp), "rows", rows, x.Shape.Rows);
        for (int i = 1; i < rows.Length; i++)
        {
            if (rows[i] <= rows[i - 1])
            {
                throw new ArgumentException($"SelectRowsOp: rows[{i}] is {rows[i]} after {rows[i - 1]}; rows must ascend.");
            }
        }

        Tensor y = tape.NewTensor(new Shape(rows.Length, 1, columns), x.RequiresGradient);
        for (int i = 0; i < rows.Length; i++)
        {
            Row(x.Data, rows[i], columns).CopyTo(Row(y.Data, i, columns));
        }

        if (y.RequiresGradient)
        {
            SelectRowsNode node = tape.Record<SelectRowsNode>(y);
            node.X = x;
            node.Rows = tape.Copy(rows);
        }

        return y;
    }

    private static Span<float> Row(float* x, int row, int columns) => new(x + (nint)row * columns, columns);

    private sealed class SelectRowsNode : Node
    {
        public Tensor X = null!;
        public int* Rows;

        public override void Backward(Tape tape)
        {
            float* grad = tape.GradientOf(X, out bool accumulate);
            int count = Output.Shape.Rows, columns = X.Shape.Last;
            if (!accumulate)
            {
                new Span<float>(grad, X.Shape.ElementCount).Clear();
            }

            for (int i = 0; i < count; i++)
            {
                float* to = grad + (nint)Rows[i] * columns;
                ElementwiseKernel.DropoutAdd(Output.GradientData + (nint)i * columns, Dropout.None, accumulate ? to : null, columns, to, tape.Pool);
            }

            tape.Free(Rows, count);
        }
    }
}
