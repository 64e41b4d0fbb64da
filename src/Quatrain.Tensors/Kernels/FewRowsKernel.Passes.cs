using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class FewRowsKernel
{
    /// <summary>
    /// B [K, N] with short rows, of which a worker's columns would be pieces too short for the machine to see what comes next. A unit of work is a few columns of one pass
    /// over K, and units run through all columns of a pass before the next, so a worker has whole rows but for where its part begins and ends. Sums wait in
    /// <see cref="PassSums"/> until all are there.
    /// </summary>
    private struct PassWork<E> : IWork
        where E : unmanaged, IElements
    {
        public FewRows Rows;
        public ColumnSums<E> Sums;
        public int N;
        public float* PassSums;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            int perPass = Units(N, ColumnsPerUnit);
            bool together = Rows.Count == 1 && N * E.Size < ShortPiece;
            for (int unit = start, stop; unit < end; unit = stop)
            {
                (int pass, int column) = int.DivRem(unit, perPass);
                int k = pass * Rows.MaxDepth;
                float* sums = PassSums + (nint)pass * Rows.Count * N;
                stop = unit + PassesAtOnce * perPass;
                if (together && column == 0 && stop <= end && k + PassesAtOnce * Rows.MaxDepth <= Rows.Terms)
                {
                    Sums.ComputePasses<V>(Rows, N, k, sums);
                    continue;
                }

                stop = Math.Min((pass + 1) * perPass, end);
                int left = column * ColumnsPerUnit, right = Math.Min(left + (stop - unit) * ColumnsPerUnit, N);
                Sums.Compute<V>(Rows, left, right, k, sums + left, N);
            }
        }
    }

    /// <summary>Adds up what <see cref="PassWork{E}"/> has left, in the order of the passes.</summary>
    private struct PassEnd<TActivation> : IWork
        where TActivation : unmanaged, IActivation
    {
        public FewRows Rows;
        public int N;
        public float* PassSums;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int pass = 0; pass * Rows.MaxDepth < Rows.Terms; pass++)
            {
                Rows.Store<V>(PassSums + (nint)pass * Rows.Count * N, N, 0, N, pass * Rows.MaxDepth);
            }

            Rows.Activate<V, TActivation>(0, N);
        }
    }
}
