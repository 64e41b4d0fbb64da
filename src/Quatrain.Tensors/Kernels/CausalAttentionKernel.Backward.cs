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
        public int Parts;
        public float** Scratch;

        public static long ScratchSize(in AttentionSizes sizes) => new BackwardScratch(sizes, RegisterTile.MachineColumns, null).Size;

        /// <summary>
        /// The parts a head is cut into: 1 where there are heads enough. Otherwise each part is two units of work, one that makes dq for its query blocks and
        /// one that makes dk and dv for its chunks of keys. Both make the scores' gradients, 7 products instead of 5, so that nobody waits for
        /// anybody and every sum is added in the same order as without parts.
        /// </summary>
        public static int PartsFor(in AttentionSizes sizes, int threads) =>
            Math.Clamp(threads / (sizes.BatchSize * sizes.HeadCount), 1, (sizes.KeyCount - 1) / (2 * RegisterTile.MachineColumns) + 1);

        /// <summary>The units of work of a head.</summary>
        public static int UnitsFor(int parts) => parts == 1 ? 1 : 2 * parts;

        public readonly void Execute<L>(int start, int end, int worker)
            where L : unmanaged, ILanes<L>
        {
            BackwardScratch at = new(Sizes, RegisterTile.Columns<L>(), Scratch[worker]);
            for (int unit = start; unit < end; unit++)
            {
                if (Parts == 1 && unit + 1 < end)
                {
                    AskForHead(unit + 1);
                }

                (int head, int part) = int.DivRem(unit, UnitsFor(Parts));
                Part<L>(head, part, at);
            }
        }

        private readonly void AskForHead(int unit)
        {
            foreach (HeadRows rows in (ReadOnlySpan<HeadRows>)[K, V, Q, YGrad, Y, QGrad, KGrad, VGrad])
            {
                Ask(rows, unit, Sizes.KeyCount, Sizes);
            }
        }

        private readonly void Part<L>(int unit, int part, in BackwardScratch at)
            where L : unmanaged, ILanes<L>
        {
            int length = Sizes.KeyCount, size = Sizes.HeadSize;
            (int batch, int head) = int.DivRem(unit, Sizes.HeadCount);
            BackwardHead<L> of = new()
            {
                At = at,
                Sizes = Sizes,
                Dropout = Dropout.Active ? Dropout.ForPart(unit) : Dropout.None,
                LogSums = LogSums + (long)unit * length,
                Accumulate = Accumulate,
                Q = Rows(Q, batch, head),
                K = Near(Rows(K, batch, head), length, size, at.PaddedSize, at.Keys),
                V = Near(Rows(V, batch, head), length, size, at.PaddedSize, at.Values),
                Y = Rows(Y, batch, head),
                YGrad = Rows(YGrad, batch, head),
                QGrad = Rows(QGrad, batch, head),
                KGrad = Rows(KGrad, batch, head),
                VGrad = Rows(VGrad, batch, head),
            };
            if (Parts == 1)
            {
                of.Keys(0, length, forQueries: true, forKeys: true, 0, 1);
            }
            else if (part % 2 == 0)
            {
                of.Keys(0, length, forQueries: true, forKeys: false, part / 2, Parts);
            }
            else
            {
                // Two chunks for each part, one of the first half's and one of the last's.
                int chunk = RoundUp((length - 1) / (2 * Parts) + 1, RegisterTile.Columns<L>());
                for (int firstKey = 0; firstKey < length; firstKey += chunk)
                {
                    if (IsOfPart(firstKey / chunk, part / 2, Parts))
                    {
                        of.Keys(firstKey, Math.Min(firstKey + chunk, length), forQueries: false, forKeys: true, 0, 1);
                    }
                }
            }
        }

        private readonly Rows Rows(in HeadRows rows, int batch, int head) => new(rows.Head(batch, head, Sizes.HeadSize), (nint)rows.RowStride);
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
            int size = sizes.HeadSize, length = sizes.KeyCount;
            PaddedSize = RoundUp(size, columns);
            long used = 0;
            Keys = Take((long)length * PaddedSize);
            Values = Take((long)length * PaddedSize);
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
