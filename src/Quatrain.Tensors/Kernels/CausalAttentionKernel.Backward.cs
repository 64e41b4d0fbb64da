using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class CausalAttentionKernel
{
    /// <summary>
    /// With P the probabilities, M the dropout mask, and D[i] = dy[i] . y[i]: dP = (dy v^T) M, dS = P (dP - D) / sqrt(head size),
    /// dq = dS k, dk = dS^T q, dv = (P M)^T dy.
    /// </summary>
    private struct BackwardWork : IWork
    {
        public HeadRows Q, K, V, Y, YGrad, QGrad, KGrad, VGrad;
        public AttentionSizes Sizes;
        public Dropout Dropout;
        public float* LogSums;
        public bool Accumulate;
        public float** Scratch;

        public static long ScratchSize(in AttentionSizes sizes) => new BackwardScratch(sizes, MatMulTile.MachineColumns, null).Size;

        public readonly void Execute<L>(int start, int end, int worker)
            where L : unmanaged, ILanes<L>
        {
            BackwardScratch at = new(Sizes, MatMulTile.Columns<L>(), Scratch[worker]);
            for (int unit = start; unit < end; unit++)
            {
                Head<L>(unit, at);
            }
        }

        private readonly void Head<L>(int unit, in BackwardScratch at)
            where L : unmanaged, ILanes<L>
        {
            int columns = MatMulTile.Columns<L>();
            (int batch, int head) = int.DivRem(unit, Sizes.HeadCount);
            int size = Sizes.HeadSize, length = Sizes.KeyCount, padded = at.PaddedSize;
            Dropout dropout = Dropout.Active ? Dropout.ForPart(unit) : Dropout.None;
            Panels.PackColumns(K.Head(batch, head, size), (nint)K.RowStride, size, length, padded, at.Keys);
            Panels.PackColumns(V.Head(batch, head, size), (nint)V.RowStride, size, length, padded, at.Values);
            for (int first = 0; first < length; first += columns)
            {
                int count = Math.Min(columns, length - first), end = first + count;
                float* q = Q.Head(batch, head, size) + first * Q.RowStride;
                float* dy = YGrad.Head(batch, head, size) + first * YGrad.RowStride;
                Panels.PackColumns(q, (nint)Q.RowStride, size, count, padded, at.Queries);
                Panels.PackRows(at.Queries, padded, count, size, columns, at.QueriesAcross);
                Panels.PackColumns(dy, (nint)YGrad.RowStride, size, count, padded, at.OutputGrads);
                Panels.PackRows(at.OutputGrads, padded, count, size, columns, at.OutputGradsAcross);
                RowProducts<L>(Y.Head(batch, head, size) + first * Y.RowStride, Y.RowStride, at.OutputGrads, padded, count, size, at.RowProducts);
                ScoreProducts<L>(at.Keys, padded, at.QueriesAcross, size, first, 0, end, at.Probabilities);
                ScoreProducts<L>(at.Values, padded, at.OutputGradsAcross, size, first, 0, end, at.ScoreGrads);
                ScoreGradients<L>(at, LogSums + (long)unit * length + first, Sizes.Scale, first, end, dropout);

                AddToKeys<L>(at.Probabilities, at.OutputGrads, first, count, at.ValueGrad, padded);
                AddToKeys<L>(at.ScoreGrads, at.Queries, first, count, at.KeyGrad, padded);
                WeightedSums<L>(at.ScoreGrads, at.Keys, padded, first, count, padded, at.QueryGrad);
                Write<L>(at.QueryGrad, padded, Sizes.Scale, count, QGrad.Head(batch, head, size) + first * QGrad.RowStride, QGrad.RowStride);
            }

            Write<L>(at.KeyGrad, padded, Sizes.Scale, length, KGrad.Head(batch, head, size), KGrad.RowStride);
            Write<L>(at.ValueGrad, padded, 1, length, VGrad.Head(batch, head, size), VGrad.RowStride);
        }

        private readonly void Write<L>(float* from, int fromStride, float factor, int rows, float* to, long toStride)
            where L : unmanaged, ILanes<L>
        {
            for (int row = 0; row < rows; row++)
            {
                int d = WriteRow<L>(from + (nint)row * fromStride, factor, to + row * toStride, 0);
                WriteRow<Lanes1>(from + (nint)row * fromStride, factor, to + row * toStride, d);
            }
        }

        private readonly int WriteRow<L>(float* from, float factor, float* to, int d)
            where L : unmanaged, ILanes<L>
        {
            for (; d + L.Count <= Sizes.HeadSize; d += L.Count)
            {
                L grad = L.Load(from + d) * L.Broadcast(factor);
                (Accumulate ? grad + L.Load(to + d) : grad).Store(to + d);
            }

            return d;
        }
    }

    /// <summary>products[i] = x[i] . y[i] for rows i.</summary>
    private static void RowProducts<L>(float* x, long xStride, float* y, long yStride, int count, int size, float* products)
        where L : unmanaged, ILanes<L>
    {
        for (int i = 0; i < count; i++)
        {
            int d = 0;
            L sum = L.Zero;
            for (; d + L.Count <= size; d += L.Count)
            {
                sum = L.MultiplyAdd(L.Load(x + d), L.Load(y + d), sum);
            }

            float product = sum.Sum();
            for (; d < size; d++)
            {
                product += x[d] * y[d];
            }

            products[i] = product;
            x += xStride;
            y += yStride;
        }
    }

    /// <summary>Turns the scores into P M, and dy v^T into sqrt(head size) dS, in place.</summary>
    private static void ScoreGradients<L>(in BackwardScratch at, float* logSums, float scale, int position, int end, Dropout dropout)
        where L : unmanaged, ILanes<L>
    {
        int columns = MatMulTile.Columns<L>();
        float* logs = stackalloc float[columns];
        for (int i = 0; i < columns; i++)
        {
            logs[i] = position + i < end ? logSums[i] * -Log2E : 0;
        }

        L factor = L.Broadcast(scale * Log2E);
        for (int lane = 0; lane < columns && position + lane < end; lane += L.Count)
        {
            float* p = at.Probabilities + lane, g = at.ScoreGrads + lane;
            int first = position + lane, seenByAll = Math.Min(first + 1, end), last = lane == 0 ? LeftEnd<L>(position, end) : end;
            L shift = L.Load(logs + lane), product = L.Load(at.RowProducts + lane), lanePosition = L.Indices + L.Broadcast(first);
            for (int t = 0; t < last; t++)
            {
                L probability = VectorMath.PowerOfTwoBelowOne(L.MultiplyAdd(L.Load(p + t * columns), factor, shift));
                if (t >= seenByAll)
                {
                    probability = L.WhereLess(lanePosition, L.Broadcast(t), L.Zero, probability);
                }

                L grad = L.Load(g + t * columns);
                L kept = probability;
                if (dropout.Active)
                {
                    L mask = dropout.Mask<L>(MaskIndex(t, first));
                    grad *= mask;
                    kept *= mask;
                }

                kept.Store(p + t * columns);
                (probability * (grad - product)).Store(g + t * columns);
            }
        }
    }

    /// <summary>A worker's scratch memory, cut up.</summary>
    private readonly struct BackwardScratch
    {
        public readonly int PaddedSize;
        public readonly float* Keys, Values, Queries, QueriesAcross, OutputGrads, OutputGradsAcross;
        public readonly float* Probabilities, ScoreGrads, KeyGrad, ValueGrad, QueryGrad, RowProducts;
        public readonly long Size;

        public BackwardScratch(in AttentionSizes sizes, int columns, float* memory)
        {
            // Blocks and gradients have room for the last tile's rows, which nobody reads.
            int size = sizes.HeadSize, length = sizes.KeyCount, rows = RoundUp(length, columns);
            PaddedSize = RoundUp(size, columns);
            long used = 0;
            Keys = Take((long)length * PaddedSize);
            Values = Take((long)length * PaddedSize);
            Queries = Take((long)columns * PaddedSize);
            QueriesAcross = Take(Panels.Size(columns, size, columns));
            OutputGrads = Take((long)columns * PaddedSize);
            OutputGradsAcross = Take(Panels.Size(columns, size, columns));
            Probabilities = Take((long)rows * columns);
            ScoreGrads = Take((long)rows * columns);
            KeyGrad = Take((long)rows * PaddedSize);
            ValueGrad = Take((long)rows * PaddedSize);
            QueryGrad = Take((long)columns * PaddedSize);
            RowProducts = Take(columns);
            Size = used;

            float* Take(long floats)
            {
                float* start = memory + used;
                used += RoundUpToLine(floats);
                return start;
            }
        }
    }
}
