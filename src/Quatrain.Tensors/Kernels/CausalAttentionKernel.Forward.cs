using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class CausalAttentionKernel
{
    private struct ForwardWork : IWork
    {
        public HeadRows Q, K, V, Y;

        /// <summary>Where given, in place of K and V.</summary>
        public CachedSequence* Cached;

        public AttentionSizes Sizes;
        public Dropout Dropout;
        public float* LogSums;
        public int Parts;
        public float** Scratch;

        /// <summary>
        /// The parts of a head's query blocks that are units of their own: one where there are heads enough to share out evenly. Blocks know nothing of each other.
        /// </summary>
        public static int PartsFor(in AttentionSizes sizes, int threads)
        {
            int heads = sizes.BatchSize * sizes.HeadCount, blocks = (sizes.QueryCount - 1) / RegisterTile.MachineColumns + 1;
            return heads % threads == 0 || heads > 4 * threads ? 1 : Math.Clamp((4 * threads - 1) / heads + 1, 1, blocks);
        }

        public static long ScratchSize(in AttentionSizes sizes) => new ForwardScratch(sizes, RegisterTile.MachineColumns, null).Size;

        public readonly void Execute<L>(int start, int end, int worker)
            where L : unmanaged, ILanes<L>
        {
            ForwardScratch at = new(Sizes, RegisterTile.Columns<L>(), Scratch[worker]);
            for (int unit = start; unit < end; unit++)
            {
                // A cache's rows lie side by side, where the machine sees by itself what comes next.
                if (Parts == 1 && unit + 1 < end && Cached is null)
                {
                    Ask(K, unit + 1, Sizes.KeyCount, Sizes);
                    Ask(V, unit + 1, Sizes.KeyCount, Sizes);
                    Ask(Q, unit + 1, Sizes.QueryCount, Sizes);
                }

                (int head, int part) = int.DivRem(unit, Parts);
                Part<L>(head, part, at);
            }
        }

        private readonly void Part<L>(int unit, int part, in ForwardScratch at)
            where L : unmanaged, ILanes<L>
        {
            int columns = RegisterTile.Columns<L>(), size = Sizes.HeadSize;
            (int batch, int head) = int.DivRem(unit, Sizes.HeadCount);
            int keyCount = Sizes.KeyCount;
            Rows k, v;
            if (Cached is null)
            {
                (k, v) = (Head(K, batch, head), Head(V, batch, head));
            }
            else
            {
                // Head by head, so that each worker has its share of every sequence, however long.
                (head, batch) = int.DivRem(unit, Sizes.BatchSize);
                CachedSequence cached = Cached[batch];
                keyCount = cached.KeyCount;
                (k, v) = (new Rows(cached.Keys + head * cached.HeadStride, size), new Rows(cached.Values + head * cached.HeadStride, size));
            }

            Dropout dropout = Dropout.Active ? Dropout.ForPart(unit) : Dropout.None;
            Rows q = Head(Q, batch, head), y = Head(Y, batch, head);
            if (Sizes.QueryCount > columns && Cached is null)
            {
                k = Near(k, keyCount, size, at.PaddedSize, at.Keys);
                v = Near(v, keyCount, size, at.PaddedSize, at.Values);
            }
            else
            {
                // Read once, or as near as they can be: a cache's keys and values are not copied for each token.
                v = Padded(v, keyCount, size, at.PaddedSize, at.Values);
            }

            bool direct = size == at.PaddedSize;
            for (int first = 0; first < Sizes.QueryCount; first += columns)
            {
                if (!IsOfPart(first / columns, part, Parts))
                {
                    continue;
                }

                int count = Math.Min(columns, Sizes.QueryCount - first);
                int position = keyCount - Sizes.QueryCount + first;
                Panels.PackRows(q[first], q.Stride, count, size, columns, at.Queries);
                ScoreProducts<L>(k, at.Queries, size, position, 0, position + count, at.Scores);
                Softmax<L>(
                    at.Scores, position, position + count, Sizes.Scale, dropout, at.InverseSums,
                    LogSums is null ? null : LogSums + (long)unit * Sizes.QueryCount + first);
                Rows result = direct ? y.From(first) : new Rows(at.Result, at.PaddedSize);
                WeightedSums<L>(at.Scores, v, position, count, at.PaddedSize, result, add: false, at.InverseSums);
                for (int i = 0; i < count && !direct; i++)
                {
                    new Span<float>(result[i], size).CopyTo(new Span<float>(y[first + i], size));
                }
            }
        }

        private readonly Rows Head(in HeadRows rows, int batch, int head) => new(rows.Head(batch, head, Sizes.HeadSize), (nint)rows.RowStride);
    }

    /// <summary>
    /// Turns scores[t, i] into exp(scale (s - max)), masked and dropped out, and gives each query's 1 / sum (of all, dropped or not) and log-sum.
    /// </summary>
    private static void Softmax<L>(float* scores, int position, int end, float scale, Dropout dropout, float* inverseSums, float* logSums)
        where L : unmanaged, ILanes<L>
    {
        int columns = RegisterTile.Columns<L>();
        float* logs = stackalloc float[L.Count];
        L factor = L.Broadcast(scale * Log2E);
        for (int lane = 0; lane < columns && position + lane < end; lane += L.Count)
        {
            float* s = scores + lane;
            int first = position + lane, seenByAll = Math.Min(first + 1, end), last = lane == 0 ? LeftEnd<L>(position, end) : end;
            L lanePosition = L.Indices + L.Broadcast(first);
            L max = L.Broadcast(Masked);
            L other = max;
            int unmasked = seenByAll & ~1;
            for (int t = 0; t < unmasked; t += 2)
            {
                // Two chains: one waits for itself.
                max = L.Max(max, L.Load(s + t * columns));
                other = L.Max(other, L.Load(s + (t + 1) * columns));
            }

            max = L.Max(max, other);

            for (int t = unmasked; t < last; t++)
            {
                max = L.Max(max, L.WhereLess(lanePosition, L.Broadcast(t), L.Broadcast(Masked), L.Load(s + t * columns)));
            }

            L sum = L.Zero, shift = L.Zero - max * factor;
            for (int t = 0; t < last; t++)
            {
                L p = VectorMath.PowerOfTwoBelowOne(L.MultiplyAdd(L.Load(s + t * columns), factor, shift));
                if (t >= seenByAll)
                {
                    p = L.WhereLess(lanePosition, L.Broadcast(t), L.Zero, p);
                }

                sum += p;
                if (dropout.Active)
                {
                    p *= dropout.Mask<L>(MaskIndex(t, first));
                }

                p.Store(s + t * columns);
            }

            (L.Broadcast(1) / sum).Store(inverseSums + lane);
            (max * L.Broadcast(scale)).Store(logs);
            for (int i = 0; i < L.Count && first + i < end && logSums is not null; i++)
            {
                logSums[lane + i] = logs[i] - MathF.Log(inverseSums[lane + i]);
            }
        }
    }

    private const float Log2E = 1.44269504f;

    /// <summary>A worker's scratch memory, cut up.</summary>
    private readonly struct ForwardScratch
    {
        public readonly int PaddedSize;
        public readonly float* Keys, Values, Queries, Scores, Result, InverseSums;
        public readonly long Size;

        public ForwardScratch(in AttentionSizes sizes, int columns, float* memory)
        {
            PaddedSize = RoundUp(sizes.HeadSize, columns);
            long used = 0;
            Keys = Take((long)sizes.KeyCount * PaddedSize);
            Values = Take((long)sizes.KeyCount * PaddedSize);
            Queries = Take(Panels.Size(columns, sizes.HeadSize, columns));
            Scores = Take((long)sizes.KeyCount * columns);
            Result = Take((long)columns * PaddedSize);
            InverseSums = Take(columns);
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
