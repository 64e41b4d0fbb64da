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

        public static long ScratchSize(in AttentionSizes sizes)
        {
            int tileRows = MatMulTile.MachineRows, tileColumns = MatMulTile.MachineColumns;
            return new Layout(sizes, tileRows, tileColumns, null).Size;
        }

        public readonly void Execute<L>(int start, int end, int worker)
            where L : unmanaged, ILanes<L>
        {
            Layout at = new(Sizes, MatMulTile.Rows<L>(), MatMulTile.Columns<L>(), Scratch[worker]);
            for (int unit = start; unit < end; unit++)
            {
                Head<L>(unit, at);
            }
        }

        private readonly void Head<L>(int unit, in Layout at)
            where L : unmanaged, ILanes<L>
        {
            int tileRows = MatMulTile.Rows<L>(), tileColumns = MatMulTile.Columns<L>();
            (int batch, int head) = int.DivRem(unit, Sizes.HeadCount);
            int size = Sizes.HeadSize, length = Sizes.KeyCount;
            Dropout dropout = Dropout.Active ? Dropout.ForPart(unit) : Dropout.None;
            float* k = K.Head(batch, head, size);
            Panels.PackRows(k, (nint)K.RowStride, length, size, tileRows, at.KeyRows);
            Panels.PackColumns(k, (nint)K.RowStride, size, length, tileColumns, at.KeyColumns);
            Panels.PackRows(V.Head(batch, head, size), (nint)V.RowStride, length, size, tileRows, at.ValueRows);
            new Span<float>(at.KeyGrad, at.PaddedLength * at.PaddedSize).Clear();
            new Span<float>(at.ValueGrad, at.PaddedLength * at.PaddedSize).Clear();
            for (int first = 0; first < Sizes.QueryCount; first += tileColumns)
            {
                int count = Math.Min(tileColumns, Sizes.QueryCount - first);
                int limit = RoundUp(first + count, tileRows);
                float* q = Q.Head(batch, head, size) + first * Q.RowStride;
                float* dy = YGrad.Head(batch, head, size) + first * YGrad.RowStride;
                Panels.PackRows(q, (nint)Q.RowStride, count, size, tileColumns, at.QueryRows);
                Panels.PackColumns(q, (nint)Q.RowStride, size, count, tileColumns, at.QueryColumns);
                Panels.PackRows(dy, (nint)YGrad.RowStride, count, size, tileColumns, at.OutputGradRows);
                Panels.PackColumns(dy, (nint)YGrad.RowStride, size, count, tileColumns, at.OutputGradColumns);
                RowProducts(Y.Head(batch, head, size) + first * Y.RowStride, dy, count, at);
                Scores<L>(at.KeyRows, at.QueryRows, size, limit, at.Probabilities);
                Scores<L>(at.ValueRows, at.OutputGradRows, size, limit, at.ScoreGrads);
                ScoreGradients<L>(at, LogSums + (long)unit * Sizes.QueryCount + first, first, count, limit, dropout);

                // Sums over the block's queries, added up over the blocks.
                AddToKeys<L>(at.Probabilities, at.OutputGradColumns, count, limit, at.ValueGrad, at.PaddedSize);
                AddToKeys<L>(at.ScoreGrads, at.QueryColumns, count, limit, at.KeyGrad, at.PaddedSize);
                QueryGradients<L>(at, first + count, count);
                Write<L>(at.QueryGrad, at.PaddedSize, count, QGrad.Head(batch, head, size) + first * QGrad.RowStride, QGrad.RowStride);
            }

            Write<L>(at.KeyGrad, at.PaddedSize, length, KGrad.Head(batch, head, size), KGrad.RowStride);
            Write<L>(at.ValueGrad, at.PaddedSize, length, VGrad.Head(batch, head, size), VGrad.RowStride);
        }

        /// <summary>D[i] = dy[i] . y[i]; lanes without a query get 0.</summary>
        private readonly void RowProducts(float* y, float* dy, int count, in Layout at)
        {
            for (int i = 0; i < at.TileColumns; i++)
            {
                float sum = 0;
                for (int d = 0; d < Sizes.HeadSize && i < count; d++)
                {
                    sum += y[i * Y.RowStride + d] * dy[i * YGrad.RowStride + d];
                }

                at.RowProducts[i] = sum;
            }
        }

        /// <summary>Turns the scores into P M, and dy v^T into dS, in place.</summary>
        private readonly void ScoreGradients<L>(in Layout at, float* logSums, int position, int count, int limit, Dropout dropout)
            where L : unmanaged, ILanes<L>
        {
            int tileColumns = MatMulTile.Columns<L>();
            float* logs = stackalloc float[tileColumns];
            for (int i = 0; i < tileColumns; i++)
            {
                // Lanes without a query: an infinite sum makes their probabilities zero.
                logs[i] = i < count ? logSums[i] : float.PositiveInfinity;
            }

            for (int half = 0; half < 2; half++)
            {
                float* p = at.Probabilities + half * L.Count;
                float* g = at.ScoreGrads + half * L.Count;
                L scale = L.Broadcast(Sizes.Scale), log = L.Load(logs + half * L.Count), product = L.Load(at.RowProducts + half * L.Count);
                L lanePosition = L.Indices + L.Broadcast(position + half * L.Count);
                for (int t = 0; t < limit; t++)
                {
                    L probability = VectorMath.Exp(L.Load(p + t * tileColumns) * scale - log);
                    if (t > position)
                    {
                        probability = L.WhereLess(lanePosition, L.Broadcast(t), L.Zero, probability);
                    }

                    L grad = L.Load(g + t * tileColumns);
                    L kept = probability;
                    if (dropout.Active)
                    {
                        L mask = dropout.Mask<L>(MaskIndex(t, position + half * L.Count));
                        grad *= mask;
                        kept *= mask;
                    }

                    kept.Store(p + t * tileColumns);
                    (probability * (grad - product) * scale).Store(g + t * tileColumns);
                }
            }
        }

        /// <summary>grad[t, d] += the sum over the block's queries i of block[t, i] * rows[i, d].</summary>
        private static void AddToKeys<L>(float* block, float* rows, int count, int limit, float* grad, int paddedSize)
            where L : unmanaged, ILanes<L>
        {
            int tileRows = MatMulTile.Rows<L>(), tileColumns = MatMulTile.Columns<L>();
            for (int d = 0; d < paddedSize; d += tileColumns)
            {
                for (int t = 0; t < limit; t += tileRows)
                {
                    float* to = grad + (long)t * paddedSize + d;
                    MatMulTile.Compute<L, BlockRows<L>>(
                        tileRows, count, block + (long)t * tileColumns, rows + (long)d * count, tileColumns, new TileOutput(paddedSize, null, to, paddedSize), to, paddedSize);
                }
            }
        }

        /// <summary>dq[i, d] = the sum over keys of dS[t, i] * k[t, d].</summary>
        private readonly void QueryGradients<L>(in Layout at, int keyCount, int count)
            where L : unmanaged, ILanes<L>
        {
            int tileRows = MatMulTile.Rows<L>(), tileColumns = MatMulTile.Columns<L>();
            for (int d = 0; d < at.PaddedSize; d += tileColumns)
            {
                for (int i = 0; i < count; i += tileRows)
                {
                    MatMulTile.Compute<L, BlockColumns<L>>(
                        Math.Min(tileRows, count - i), keyCount, at.ScoreGrads + i, at.KeyColumns + (long)d * Sizes.KeyCount, tileColumns,
                        new TileOutput(at.PaddedSize, null, null, 0), at.QueryGrad + i * at.PaddedSize + d, at.PaddedSize);
                }
            }
        }

        private readonly void Write<L>(float* from, int fromStride, int rows, float* to, long toStride)
            where L : unmanaged, ILanes<L>
        {
            for (int row = 0; row < rows; row++)
            {
                int d = WriteRow<L>(from + row * fromStride, to + row * toStride, 0);
                WriteRow<Lanes1>(from + row * fromStride, to + row * toStride, d);
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

        /// <summary>A worker's scratch memory, cut up.</summary>
        private readonly struct Layout
        {
            public readonly int TileColumns, PaddedLength, PaddedSize;
            public readonly float* KeyRows, KeyColumns, ValueRows, QueryRows, QueryColumns, OutputGradRows, OutputGradColumns;
            public readonly float* Probabilities, ScoreGrads, KeyGrad, ValueGrad, QueryGrad, RowProducts;
            public readonly long Size;

            public Layout(in AttentionSizes sizes, int tileRows, int tileColumns, float* memory)
            {
                int length = sizes.KeyCount, size = sizes.HeadSize;
                TileColumns = tileColumns;
                PaddedLength = RoundUp(length, tileRows);
                PaddedSize = RoundUp(size, tileColumns);
                long used = 0;
                KeyRows = Take(Panels.Size(length, size, tileRows));
                KeyColumns = Take(Panels.Size(size, length, tileColumns));
                ValueRows = Take(Panels.Size(length, size, tileRows));
                QueryRows = Take(Panels.Size(tileColumns, size, tileColumns));
                QueryColumns = Take(Panels.Size(size, tileColumns, tileColumns));
                OutputGradRows = Take(Panels.Size(tileColumns, size, tileColumns));
                OutputGradColumns = Take(Panels.Size(size, tileColumns, tileColumns));
                Probabilities = Take((long)PaddedLength * tileColumns);
                ScoreGrads = Take((long)PaddedLength * tileColumns);
                KeyGrad = Take((long)PaddedLength * PaddedSize);
                ValueGrad = Take((long)PaddedLength * PaddedSize);
                QueryGrad = Take((long)tileColumns * PaddedSize);
                RowProducts = Take(tileColumns);
                Size = used;

                float* Take(long floats)
                {
                    float* start = memory + used;
                    used += (floats + 15) / 16 * 16;
                    return start;
                }
            }
        }
    }
}
