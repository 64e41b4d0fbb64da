using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>Looks up token and position embeddings and adds them.</summary>
public static unsafe class EmbeddingOp
{
    /// <summary>y[b, t] = tokenTable[ids[b, t]] + positionTable[firstPositions[b] + t].</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="ids">B * T token ids, a sequence after the other.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="tokenTable">[V, C].</param>
    /// <param name="positionTable">[contextLength, C].</param>
    /// <param name="firstPositions">The position of each sequence's first token, what a cache holds of it already; none for all zeros.</param>
    /// <returns>y [B, T, C].</returns>
    /// <exception cref="ArgumentException">The tables differ in width, an id lies outside the vocabulary, or the ids don't fill the batch or exceed the context.</exception>
    public static Tensor Forward(Tape tape, ReadOnlySpan<int> ids, int batchSize, Tensor tokenTable, Tensor positionTable, ReadOnlySpan<int> firstPositions = default)
    {
        Check.Rank(nameof(EmbeddingOp), "token table", tokenTable, 2);
        Check.Rank(nameof(EmbeddingOp), "position table", positionTable, 2);
        Check.Last(nameof(EmbeddingOp), "position table", positionTable, tokenTable.Shape[1]);
        if (batchSize < 1 || ids.Length == 0 || ids.Length % batchSize != 0)
        {
            throw new ArgumentException($"EmbeddingOp: {ids.Length} ids don't fill {batchSize} sequences of one length.");
        }

        Check.Float32(nameof(EmbeddingOp), "position table", positionTable);
        if (tokenTable.LiesTransposed)
        {
            throw new ArgumentException("EmbeddingOp: the token table is stored transposed; its rows must lie side by side.");
        }

        Check.Recordable(nameof(EmbeddingOp), "token table", tape, tokenTable);
        int sequenceLength = ids.Length / batchSize, contextLength = positionTable.Shape[0];
        CheckPositions(firstPositions, batchSize, sequenceLength, contextLength);
        Check.Ids(nameof(EmbeddingOp), "ids", ids, tokenTable.Shape[0]);
        int columns = tokenTable.Shape[1];
        Tensor y = tape.NewTensor(new Shape(batchSize, sequenceLength, columns), Check.AnyWantsGradient(tokenTable, positionTable));
        int* copy = tape.Copy(ids);
        int* first = firstPositions.IsEmpty ? null : tape.Copy(firstPositions);
        using (tape.Measure("embedding, forward", y.Shape, tensors: 2))
        {
            EmbeddingKernel.Forward(copy, tokenTable.Storage, tokenTable.Format, positionTable.Data, first, batchSize, sequenceLength, columns, y.Data, tape.Pool);
        }

        if (y.RequiresGradient)
        {
            EmbeddingNode node = tape.Record<EmbeddingNode>(y);
            (node.TokenTable, node.PositionTable) = (tokenTable, positionTable);
            node.Ids = copy;
            node.FirstPositions = first;
        }
        else
        {
            tape.Free(copy, ids.Length);
            FreePositions(tape, first, batchSize);
        }

        return y;
    }

    private static void CheckPositions(ReadOnlySpan<int> firstPositions, int batchSize, int sequenceLength, int contextLength)
    {
        if (!firstPositions.IsEmpty && firstPositions.Length != batchSize)
        {
            throw new ArgumentException($"EmbeddingOp: there are {firstPositions.Length} first positions for {batchSize} sequences; there must be one for each.");
        }

        for (int b = 0; b < Math.Max(1, firstPositions.Length); b++)
        {
            int first = firstPositions.IsEmpty ? 0 : firstPositions[b];
            if (first < 0 || first + sequenceLength > contextLength)
            {
                throw new ArgumentException($"EmbeddingOp: positions {first} to {first + sequenceLength - 1} exceed the context of {contextLength} tokens.");
            }
        }
    }

    private static void FreePositions(Tape tape, int* first, int batchSize)
    {
        if (first is not null)
        {
            tape.Free(first, batchSize);
        }
    }

    private sealed class EmbeddingNode : Node
    {
        public int* Ids, FirstPositions;
        public Tensor TokenTable = null!, PositionTable = null!;

        public override void Backward(Tape tape)
        {
            bool accumulateTokens = false, accumulatePositions = false;
            float* tokenGrad = TokenTable.RequiresGradient ? tape.GradientOf(TokenTable, out accumulateTokens) : null;
            float* positionGrad = PositionTable.RequiresGradient ? tape.GradientOf(PositionTable, out accumulatePositions) : null;
            using (tape.Measure("embedding, backward", Output.Shape, tensors: 3))
            {
                EmbeddingKernel.Backward(
                    Ids, Output.GradientData, FirstPositions, Output.Shape[0], Output.Shape[1], Output.Shape[2],
                    tokenGrad, accumulateTokens, TokenTable.Shape[0], positionGrad, accumulatePositions, PositionTable.Shape[0], tape.Pool);
            }

            tape.Free(Ids, Output.Shape.Rows);
            FreePositions(tape, FirstPositions, Output.Shape[0]);
        }
    }
}
