using Quatrain.Tensors.Kernels;

namespace Quatrain.Tensors.Ops;

/// <summary>Looks up token and position embeddings and adds them.</summary>
public static unsafe class EmbeddingOp
{
    /// <summary>y[b, t] = tokenTable[ids[b, t]] + positionTable[firstPosition + t].</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="ids">B * T token ids, a sequence after the other.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="tokenTable">[V, C].</param>
    /// <param name="positionTable">[contextLength, C].</param>
    /// <param name="firstPosition">The position of each sequence's first token: 0, or what a cache holds already.</param>
    /// <returns>y [B, T, C].</returns>
    /// <exception cref="ArgumentException">The tables differ in width, an id lies outside the vocabulary, or the ids don't fill the batch or exceed the context.</exception>
    public static Tensor Forward(Tape tape, ReadOnlySpan<int> ids, int batchSize, Tensor tokenTable, Tensor positionTable, int firstPosition = 0)
    {
        Check.Rank(nameof(EmbeddingOp), "token table", tokenTable, 2);
        Check.Rank(nameof(EmbeddingOp), "position table", positionTable, 2);
        Check.Last(nameof(EmbeddingOp), "position table", positionTable, tokenTable.Shape[1]);
        if (batchSize < 1 || ids.Length == 0 || ids.Length % batchSize != 0)
        {
            throw new ArgumentException($"EmbeddingOp: {ids.Length} ids don't fill {batchSize} sequences of one length.");
        }

        int sequenceLength = ids.Length / batchSize, contextLength = positionTable.Shape[0];
        if (firstPosition < 0 || firstPosition + sequenceLength > contextLength)
        {
            throw new ArgumentException(
                $"EmbeddingOp: positions {firstPosition} to {firstPosition + sequenceLength - 1} exceed the context of {contextLength} tokens.");
        }

        Check.Ids(nameof(EmbeddingOp), "ids", ids, tokenTable.Shape[0]);
        int columns = tokenTable.Shape[1];
        Tensor y = tape.NewTensor(new Shape(batchSize, sequenceLength, columns), Check.AnyWantsGradient(tokenTable, positionTable));
        int* copy = tape.Copy(ids);
        using (tape.Measure("embedding, forward", y.Shape, tensors: 2))
        {
            EmbeddingKernel.Forward(copy, tokenTable.Data, positionTable.Data, firstPosition, batchSize, sequenceLength, columns, y.Data, tape.Pool);
        }

        if (y.RequiresGradient)
        {
            EmbeddingNode node = tape.Record<EmbeddingNode>(y);
            (node.TokenTable, node.PositionTable, node.FirstPosition) = (tokenTable, positionTable, firstPosition);
            node.Ids = copy;
        }
        else
        {
            tape.Free(copy, ids.Length);
        }

        return y;
    }

    private sealed class EmbeddingNode : Node
    {
        public int* Ids;
        public Tensor TokenTable = null!, PositionTable = null!;
        public int FirstPosition;

        public override void Backward(Tape tape)
        {
            bool accumulateTokens = false, accumulatePositions = false;
            float* tokenGrad = TokenTable.RequiresGradient ? tape.GradientOf(TokenTable, out accumulateTokens) : null;
            float* positionGrad = PositionTable.RequiresGradient ? tape.GradientOf(PositionTable, out accumulatePositions) : null;
            using (tape.Measure("embedding, backward", Output.Shape, tensors: 3))
            {
                EmbeddingKernel.Backward(
                    Ids, Output.GradientData, FirstPosition, Output.Shape[0], Output.Shape[1], Output.Shape[2],
                    tokenGrad, accumulateTokens, TokenTable.Shape[0], positionGrad, accumulatePositions, PositionTable.Shape[0], tape.Pool);
            }

            tape.Free(Ids, Output.Shape.Rows);
        }
    }
}
