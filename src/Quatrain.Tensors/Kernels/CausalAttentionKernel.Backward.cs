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
            Rows q = Head(Q, batch, head), k = Padded(Head(K, batch, head), length, size, padded, at.Keys);
            Rows v = Head(V, batch, head), y = Head(Y, batch, head), dy = Head(YGrad, batch, head);
            Rows dq = Head(QGrad, batch, head), dk = Head(KGrad, batch, head), dv = Head(VGrad, batch, head);

            // Straight to where they belong if whole tiles of columns fit there.
            bool direct = size == padded;
            TileEnd own = TileEnd.AddIf(direct && Accumulate);
            Rows keyGrad = direct ? dk : new(at.KeyGrad, padded), valueGrad = direct ? dv : new(at.ValueGrad, padded);
            for (int first = 0; first < length; first += columns)
            {
                int count = Math.Min(columns, length - first), end = first + count;
                Rows queries = Padded(q.From(first), count, size, padded, at.Queries);
                Rows outputGrads = Padded(dy.From(first), count, size, padded, at.OutputGrads);
                Panels.PackRows(queries[0], queries.Stride, count, size, columns, at.QueriesAcross);
                Panels.PackRows(outputGrads[0], outputGrads.Stride, count, size, columns, at.OutputGradsAcross);
                RowProducts<L>(y.From(first), outputGrads, count, size, at.RowProducts);
                ScoreProducts<L>(k, at.QueriesAcross, size, first, 0, end, at.Probabilities);
                ScoreProducts<L>(v, at.OutputGradsAcross, size, first, 0, end, at.ScoreGrads);
                ScoreGradients<L>(at, LogSums + (long)unit * length + first, Sizes.Scale, first, end, dropout);

                AddToKeys<L>(at.Probabilities, outputGrads, first, count, padded, valueGrad, own);
                AddToKeys<L>(at.ScoreGrads, queries, first, count, padded, keyGrad, own);
                WeightedSums<L>(at.ScoreGrads, k, first, count, padded, direct ? dq.From(first) : new(at.QueryGrad, padded), own);
                if (!direct)
                {
                    Write<L>(new(at.QueryGrad, padded), count, dq.From(first));
                }
            }

            if (!direct)
            {
                Write<L>(keyGrad, length, dk);
                Write<L>(valueGrad, length, dv);
            }
        }

        private readonly Rows Head(in HeadRows rows, int batch, int head) => new(rows.Head(batch, head, Sizes.HeadSize), (nint)rows.RowStride);

        private readonly void Write<L>(Rows from, int rows, Rows to)
            where L : unmanaged, ILanes<L>
        {
            for (int row = 0; row < rows; row++)
            {
                int d = WriteRow<L>(from[row], to[row], 0);
                WriteRow<Lanes1>(from[row], to[row], d);
            }
        }

        private readonly int WriteRow<L>(float* from, float* to, int d)
            where L : unmanaged, ILanes<L>
        {
            for (; d + L.Count <= Sizes.HeadSize; d += L.Count)
            {
                L grad = L.Load(from + d);
                (Accumulate ? grad + L.Load(to + d) : grad).Store(to + d);
            }

            return d;
        }
    }

    /// <summary>products[i] = x[i] . y[i] for rows i.</summary>
    private static void RowProducts<L>(Rows x, Rows y, int count, int size, float* products)
        where L : unmanaged, ILanes<L>
    {
        for (int i = 0; i < count; i++)
        {
            float* left = x[i], right = y[i];
            int d = 0;
            L sum = L.Zero;
            for (; d + L.Count <= size; d += L.Count)
            {
                sum = L.MultiplyAdd(L.Load(left + d), L.Load(right + d), sum);
            }

            float product = sum.Sum();
            for (; d < size; d++)
            {
                product += left[d] * right[d];
            }

            products[i] = product;
        }
    }

    /// <summary>Turns the scores into P M, and dy v^T into dS, in place.</summary>
    private static void ScoreGradients<L>(in BackwardScratch at, float* logSums, float scale, int position, int end, Dropout dropout)
        where L : unmanaged, ILanes<L>
    {
        int columns = MatMulTile.Columns<L>();
        float* logs = stackalloc float[columns];
        for (int i = 0; i < columns; i++)
        {
            logs[i] = position + i < end ? logSums[i] * -Log2E : 0;
        }

        L factor = L.Broadcast(scale * Log2E), gradFactor = L.Broadcast(scale);
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
                (probability * (grad - product) * gradFactor).Store(g + t * columns);
            }
        }
    }

    /// <summary>A worker's scratch memory, cut up.</summary>
    private readonly struct BackwardScratch
    {
        public readonly int PaddedSize;
        public readonly float* Keys, Queries, QueriesAcross, OutputGrads, OutputGradsAcross;
        public readonly float* Probabilities, ScoreGrads, KeyGrad, ValueGrad, QueryGrad, RowProducts;
        public readonly long Size;

        public BackwardScratch(in AttentionSizes sizes, int columns, float* memory)
        {
            int size = sizes.HeadSize, length = sizes.KeyCount;
            PaddedSize = RoundUp(size, columns);
            long used = 0;
            Keys = Take((long)length * PaddedSize);
            Queries = Take((long)columns * PaddedSize);
            QueriesAcross = Take(Panels.Size(columns, size, columns));
            OutputGrads = Take((long)columns * PaddedSize);
            OutputGradsAcross = Take(Panels.Size(columns, size, columns));
            Probabilities = Take((long)length * columns);
            ScoreGrads = Take((long)length * columns);
            KeyGrad = Take((long)length * PaddedSize);
            ValueGrad = Take((long)length * PaddedSize);
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
