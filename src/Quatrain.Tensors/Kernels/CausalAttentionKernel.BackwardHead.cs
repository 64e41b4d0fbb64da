using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class CausalAttentionKernel
{
    /// <summary>One head's backward pass.</summary>
    private readonly struct BackwardHead<L>
        where L : unmanaged, ILanes<L>
    {
        public BackwardScratch At { get; init; }
        public AttentionSizes Sizes { get; init; }
        public Dropout Dropout { get; init; }
        public float* LogSums { get; init; }
        public bool Accumulate { get; init; }
        public Rows Q { get; init; }
        public Rows K { get; init; }
        public Rows V { get; init; }
        public Rows Y { get; init; }
        public Rows YGrad { get; init; }
        public Rows QGrad { get; init; }
        public Rows KGrad { get; init; }
        public Rows VGrad { get; init; }

        /// <summary>
        /// What the keys [<paramref name="firstKey"/>, <paramref name="endKey"/>) and the query blocks of a part that see them give each other:
        /// dq, where these are all the keys, or dk and dv, where these are all the blocks, or all three.
        /// </summary>
        public void Keys(int firstKey, int endKey, bool forQueries, bool forKeys, int part, int parts)
        {
            // Gradients go straight to where they belong if whole tiles of columns fit there.
            int size = Sizes.HeadSize, padded = At.PaddedSize, columns = RegisterTile.Columns<L>();
            bool direct = IsNear(Sizes.KeyCount, size, padded);
            Rows keyGrad = direct ? KGrad : new(At.KeyGrad, padded), valueGrad = direct ? VGrad : new(At.ValueGrad, padded);
            bool own = direct && Accumulate;
            for (int first = firstKey; first < Sizes.QueryCount; first += columns)
            {
                if (!IsOfPart(first / columns, part, parts))
                {
                    continue;
                }

                int count = Math.Min(columns, Sizes.QueryCount - first), end = Math.Min(first + count, endKey);
                Rows queries = Padded(Q.From(first), count, size, padded, At.Queries);
                Rows outputGrads = Padded(YGrad.From(first), count, size, padded, At.OutputGrads);
                Panels.PackRows(queries[0], queries.Stride, count, size, columns, At.QueriesAcross);
                Panels.PackRows(outputGrads[0], outputGrads.Stride, count, size, columns, At.OutputGradsAcross);
                RowProducts(Y.From(first), outputGrads, count);
                ScoreProducts<L>(K, At.QueriesAcross, size, first, firstKey, end, At.Probabilities);
                ScoreProducts<L>(V, At.OutputGradsAcross, size, first, firstKey, end, At.ScoreGrads);
                ScoreGradients(first, count, firstKey, end);
                if (forKeys)
                {
                    AddToKeys<L>(At.Probabilities, outputGrads, first, count, firstKey, end, padded, valueGrad, own);
                    AddToKeys<L>(At.ScoreGrads, queries, first, count, firstKey, end, padded, keyGrad, own);
                }

                if (forQueries)
                {
                    QueryGradients(first, count);
                }
            }

            if (forKeys && !direct)
            {
                Write(keyGrad.From(firstKey), KGrad.From(firstKey), endKey - firstKey);
                Write(valueGrad.From(firstKey), VGrad.From(firstKey), endKey - firstKey);
            }
        }

        private void QueryGradients(int first, int count)
        {
            bool direct = Sizes.HeadSize == At.PaddedSize;
            Rows to = direct ? QGrad.From(first) : new(At.QueryGrad, At.PaddedSize);
            WeightedSums<L>(At.ScoreGrads, K, first, count, At.PaddedSize, to, direct && Accumulate, factors: null);
            if (!direct)
            {
                Write(to, QGrad.From(first), count);
            }
        }

        /// <summary>D[i] = dy[i] . y[i].</summary>
        private void RowProducts(Rows y, Rows dy, int count)
        {
            for (int i = 0; i < count; i++)
            {
                float* left = y[i], right = dy[i];
                int d = 0;
                L sum = L.Zero;
                for (; d + L.Count <= Sizes.HeadSize; d += L.Count)
                {
                    sum = L.MultiplyAdd(L.Load(left + d), L.Load(right + d), sum);
                }

                float product = sum.Sum();
                for (; d < Sizes.HeadSize; d++)
                {
                    product += left[d] * right[d];
                }

                At.RowProducts[i] = product;
            }
        }

        /// <summary>Turns the scores into P M, and dy v^T into dS, in place.</summary>
        private void ScoreGradients(int position, int count, int firstKey, int end)
        {
            int columns = RegisterTile.Columns<L>();
            float* shifts = stackalloc float[columns];
            for (int i = 0; i < columns; i++)
            {
                shifts[i] = i < count ? LogSums[position + i] * -Log2E : 0;
            }

            L factor = L.Broadcast(Sizes.Scale * Log2E), gradFactor = L.Broadcast(Sizes.Scale);
            for (int lane = 0; lane < count; lane += L.Count)
            {
                float* p = At.Probabilities + lane, g = At.ScoreGrads + lane;
                int first = position + lane, last = lane == 0 ? LeftEnd<L>(position, end) : end;
                L shift = L.Load(shifts + lane), product = L.Load(At.RowProducts + lane), lanePosition = L.Indices + L.Broadcast(first);
                for (int t = firstKey; t < last; t++)
                {
                    L probability = VectorMath.PowerOfTwoBelowOne(L.MultiplyAdd(L.Load(p + t * columns), factor, shift));
                    if (t > first)
                    {
                        probability = L.WhereLess(lanePosition, L.Broadcast(t), L.Zero, probability);
                    }

                    L grad = L.Load(g + t * columns);
                    L kept = probability;
                    if (Dropout.Active)
                    {
                        L mask = Dropout.Mask<L>(MaskIndex(t, first));
                        grad *= mask;
                        kept *= mask;
                    }

                    kept.Store(p + t * columns);
                    (probability * (grad - product) * gradFactor).Store(g + t * columns);
                }
            }
        }

        private void Write(Rows from, Rows to, int count)
        {
            for (int row = 0; row < count; row++)
            {
                int d = WriteRow<L>(from[row], to[row], 0);
                WriteRow<Lanes1>(from[row], to[row], d);
            }
        }

        private int WriteRow<V>(float* from, float* to, int d)
            where V : unmanaged, ILanes<V>
        {
            for (; d + V.Count <= Sizes.HeadSize; d += V.Count)
            {
                V grad = V.Load(from + d);
                (Accumulate ? grad + V.Load(to + d) : grad).Store(to + d);
            }

            return d;
        }
    }
}
