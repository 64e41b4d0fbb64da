using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Token and position embeddings: y[b, t] = tokenTable[ids[b, t]] + positionTable[first[b] + t], where first is null for all zeros.</summary>
internal static unsafe class EmbeddingKernel
{
    private const int ColumnsPerUnit = 32;

    /// <summary>y[B, T, C], overwritten, from ids[B, T], tokenTable[V, C] and positionTable[contextLength, C]; ids lie in [0, V).</summary>
    public static void Forward(
        int* ids, float* tokenTable, float* positionTable, int* firstPositions, int batchSize, int sequenceLength, int columns, float* y, WorkerPool pool) =>
        Forward(ids, (byte*)tokenTable, WeightFormat.Float32, positionTable, firstPositions, batchSize, sequenceLength, columns, y, pool);

    /// <summary>The same from a token table of any format.</summary>
    public static void Forward(
        int* ids, byte* tokenTable, WeightFormat format, float* positionTable, int* firstPositions, int batchSize, int sequenceLength, int columns, float* y, WorkerPool pool) =>
        pool.Run(new ForwardWork
        {
            Ids = ids,
            Tokens = tokenTable,
            Format = format,
            Positions = positionTable,
            First = firstPositions,
            SequenceLength = sequenceLength,
            Columns = columns,
            Y = y,
        }, batchSize * sequenceLength);

    /// <summary>
    /// Adds dy[B, T, C] into the rows of tokenGrad[V, C] and positionGrad[contextLength, C] it came from; rows nobody used become zero where
    /// the gradient is overwritten. A null gradient is not wanted. Work is split over columns, so that each sum has one fixed order.
    /// </summary>
    public static void Backward(
        int* ids, float* yGrad, int* firstPositions, int batchSize, int sequenceLength, int columns,
        float* tokenGrad, bool accumulateTokens, int vocabularySize, float* positionGrad, bool accumulatePositions, int contextLength, WorkerPool pool)
    {
        if (tokenGrad is not null && !accumulateTokens)
        {
            new Span<float>(tokenGrad, vocabularySize * columns).Clear();
        }

        if (positionGrad is not null && !accumulatePositions)
        {
            new Span<float>(positionGrad, contextLength * columns).Clear();
        }

        pool.Run(new BackwardWork
        {
            Ids = ids,
            YGrad = yGrad,
            First = firstPositions,
            BatchSize = batchSize,
            SequenceLength = sequenceLength,
            Columns = columns,
            TokenGrad = tokenGrad,
            PositionGrad = positionGrad,
        }, (columns + ColumnsPerUnit - 1) / ColumnsPerUnit);
    }

    private struct ForwardWork : IWork
    {
        public int* Ids, First;
        public byte* Tokens;
        public WeightFormat Format;
        public float* Positions, Y;
        public int SequenceLength, Columns;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            long rowBytes = WeightMemory.ByteCount(1, Columns, Format);
            for (int row = start; row < end; row++)
            {
                byte* stored = Tokens + Ids[row] * rowBytes;
                float* position = Positions + (long)PositionOf(row, SequenceLength, First) * Columns;
                float* y = Y + (long)row * Columns;
                float* token = (float*)stored;
                if (Format != WeightFormat.Float32)
                {
                    WeightConversionKernel.LoadRow(stored, Format, 0, Columns, y);
                    token = y;
                }

                int i = Add<V>(token, position, y, 0, Columns);
                Add<Lanes1>(token, position, y, i, Columns);
            }
        }
    }

    private struct BackwardWork : IWork
    {
        public int* Ids, First;
        public float* YGrad, TokenGrad, PositionGrad;
        public int BatchSize, SequenceLength, Columns;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int from = start * ColumnsPerUnit, stop = Math.Min(end * ColumnsPerUnit, Columns);
            for (int row = 0; row < BatchSize * SequenceLength; row++)
            {
                float* dy = YGrad + (long)row * Columns;
                if (TokenGrad is not null)
                {
                    Into<V>(TokenGrad + (long)Ids[row] * Columns, dy, from, stop);
                }

                if (PositionGrad is not null)
                {
                    Into<V>(PositionGrad + (long)PositionOf(row, SequenceLength, First) * Columns, dy, from, stop);
                }
            }
        }

        private static void Into<V>(float* grad, float* dy, int from, int stop)
            where V : unmanaged, ILanes<V>
        {
            int i = Add<V>(grad, dy, grad, from, stop);
            Add<Lanes1>(grad, dy, grad, i, stop);
        }
    }

    private static int PositionOf(int row, int sequenceLength, int* first)
    {
        (int b, int t) = int.DivRem(row, sequenceLength);
        return first is null ? t : first[b] + t;
    }

    private static int Add<V>(float* a, float* b, float* sum, int i, int stop)
        where V : unmanaged, ILanes<V>
    {
        for (; i + V.Count <= stop; i += V.Count)
        {
            (V.Load(a + i) + V.Load(b + i)).Store(sum + i);
        }

        return i;
    }
}
