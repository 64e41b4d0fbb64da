using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class CausalAttentionKernel
{
    // What masked scores become: far enough down that their exponential is zero, and finite so that no NaN comes of it.
    private const float Masked = -1e30f;

    private struct ForwardWork : IWork
    {
        public HeadRows Q, K, V, Y;
        public AttentionSizes Sizes;
        public Dropout Dropout;
        public float* LogSums;
        public float** Scratch;

        public static long ScratchSize(in AttentionSizes sizes)
        {
            int tileRows = MatMulTile.MachineRows, tileColumns = MatMulTile.MachineColumns;
            return Panels.Size(sizes.KeyCount, sizes.HeadSize, tileRows)
                + Panels.Size(sizes.HeadSize, sizes.KeyCount, tileColumns)
                + Panels.Size(tileColumns, sizes.HeadSize, tileColumns)
                + (long)RoundUp(sizes.KeyCount, tileRows) * tileColumns
                + (long)tileColumns * RoundUp(sizes.HeadSize, tileColumns)
                + tileColumns;
        }

        public readonly void Execute<L>(int start, int end, int worker)
            where L : unmanaged, ILanes<L>
        {
            int tileRows = MatMulTile.Rows<L>(), tileColumns = MatMulTile.Columns<L>();
            int headSize = Sizes.HeadSize, paddedSize = RoundUp(headSize, tileColumns);
            float* keys = Scratch[worker];
            float* values = keys + Panels.Size(Sizes.KeyCount, headSize, tileRows);
            float* queries = values + Panels.Size(headSize, Sizes.KeyCount, tileColumns);
            float* scores = queries + Panels.Size(tileColumns, headSize, tileColumns);
            float* result = scores + (long)RoundUp(Sizes.KeyCount, tileRows) * tileColumns;
            float* inverseSums = result + (long)tileColumns * paddedSize;
            for (int unit = start; unit < end; unit++)
            {
                (int batch, int head) = int.DivRem(unit, Sizes.HeadCount);
                Dropout dropout = Dropout.Active ? Dropout.ForPart(unit) : Dropout.None;
                Panels.PackRows(K.Head(batch, head, headSize), (nint)K.RowStride, Sizes.KeyCount, headSize, tileRows, keys);
                Panels.PackColumns(V.Head(batch, head, headSize), (nint)V.RowStride, headSize, Sizes.KeyCount, tileColumns, values);
                for (int first = 0; first < Sizes.QueryCount; first += tileColumns)
                {
                    int count = Math.Min(tileColumns, Sizes.QueryCount - first);
                    int position = Sizes.FirstPosition + first;
                    int limit = RoundUp(position + count, tileRows);
                    Panels.PackRows(Q.Head(batch, head, headSize) + first * Q.RowStride, (nint)Q.RowStride, count, headSize, tileColumns, queries);
                    Scores<L>(keys, queries, headSize, limit, scores);
                    Softmax<L>(scores, position, limit, Sizes.Scale, dropout, inverseSums,
                        LogSums is null ? null : LogSums + (long)unit * Sizes.QueryCount + first, count);
                    WeightedValues<L>(scores, values, position + count, count, result, paddedSize);
                    for (int i = 0; i < count; i++)
                    {
                        float* to = Y.Head(batch, head, headSize) + (first + i) * Y.RowStride;
                        int d = Scale<L>(result + i * paddedSize, inverseSums[i], headSize, to, 0);
                        Scale<Lanes1>(result + i * paddedSize, inverseSums[i], headSize, to, d);
                    }
                }
            }
        }

        /// <summary>result[i, d] = the sum over keys of scores[t, i] * values[t, d].</summary>
        private readonly void WeightedValues<L>(float* scores, float* values, int keyCount, int count, float* result, int paddedSize)
            where L : unmanaged, ILanes<L>
        {
            int tileRows = MatMulTile.Rows<L>(), tileColumns = MatMulTile.Columns<L>();
            TileOutput output = new(paddedSize, null, null, 0);
            for (int d = 0; d < paddedSize; d += tileColumns)
            {
                float* panel = values + (long)d * Sizes.KeyCount;
                for (int i = 0; i < count; i += tileRows)
                {
                    MatMulTile.Compute<L, BlockColumns<L>>(
                        Math.Min(tileRows, count - i), keyCount, scores + i, panel, tileColumns, output, result + i * paddedSize + d, paddedSize);
                }
            }
        }
    }

    /// <summary>scores[t, i] = k[t] . q[i] for the keys below <paramref name="limit"/> (whole tiles) and one block of queries.</summary>
    private static void Scores<L>(float* keys, float* queries, int depth, int limit, float* scores)
        where L : unmanaged, ILanes<L>
    {
        int tileRows = MatMulTile.Rows<L>(), tileColumns = MatMulTile.Columns<L>();
        TileOutput output = new(tileColumns, null, null, 0);
        for (int t = 0; t < limit; t += tileRows)
        {
            MatMulTile.Compute<L, PackedPanel<L>>(
                tileRows, depth, keys + (long)t * depth, queries, tileColumns, output, scores + (long)t * tileColumns, tileColumns);
        }
    }

    /// <summary>
    /// Turns scores[t, i] into exp(scale (s - max)), masked and dropped out, and gives each query's 1 / sum (of all, dropped or not) and log-sum.
    /// </summary>
    private static void Softmax<L>(float* scores, int position, int limit, float scale, Dropout dropout, float* inverseSums, float* logSums, int count)
        where L : unmanaged, ILanes<L>
    {
        int tileColumns = MatMulTile.Columns<L>();
        float* logs = stackalloc float[tileColumns];
        for (int half = 0; half < 2; half++)
        {
            float* s = scores + half * L.Count;
            L lanePosition = L.Indices + L.Broadcast(position + half * L.Count);
            L max = L.Broadcast(Masked);
            int t = 0;
            for (; t <= position && t < limit; t++)
            {
                max = L.Max(max, L.Load(s + t * tileColumns));
            }

            for (; t < limit; t++)
            {
                // A key after the lane's query is not seen.
                L score = L.WhereLess(lanePosition, L.Broadcast(t), L.Broadcast(Masked), L.Load(s + t * tileColumns));
                score.Store(s + t * tileColumns);
                max = L.Max(max, score);
            }

            L sum = L.Zero, factor = L.Broadcast(scale);
            for (t = 0; t < limit; t++)
            {
                L p = VectorMath.Exp((L.Load(s + t * tileColumns) - max) * factor);
                sum += p;
                if (dropout.Active)
                {
                    p *= dropout.Mask<L>(MaskIndex(t, position + half * L.Count));
                }

                p.Store(s + t * tileColumns);
            }

            (L.Broadcast(1) / sum).Store(inverseSums + half * L.Count);
            (max * factor).Store(logs + half * L.Count);
            for (int i = half * L.Count; i < Math.Min(count, (half + 1) * L.Count) && logSums is not null; i++)
            {
                logSums[i] = logs[i] - MathF.Log(inverseSums[i]);
            }
        }
    }

    /// <summary>The dropout index of key <paramref name="t"/> and the query at <paramref name="position"/>; queries side by side.</summary>
    private static uint MaskIndex(int t, int position) => ((uint)t << 16) + (uint)position;

    private static int Scale<L>(float* x, float factor, int count, float* y, int i)
        where L : unmanaged, ILanes<L>
    {
        for (; i + L.Count <= count; i += L.Count)
        {
            (L.Load(x + i) * L.Broadcast(factor)).Store(y + i);
        }

        return i;
    }
}
