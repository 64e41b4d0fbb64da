using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Scaling, dropout and addition over flat ranges, in one pass.</summary>
internal static unsafe class ElementwiseKernel
{
    /// <summary>
    /// y = mask(x) + addend: x as it is, or with dropout; the addend may be null, and may be y itself to accumulate.
    /// </summary>
    /// <param name="x">[count].</param>
    /// <param name="dropout">Which elements to zero, and by how much to scale the others.</param>
    /// <param name="addend">[count], or null.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="y">[count], overwritten; may be x.</param>
    /// <param name="pool">The workers.</param>
    public static void DropoutAdd(float* x, Dropout dropout, float* addend, int count, float* y, WorkerPool pool) =>
        pool.Run(new Work { X = x, Dropout = dropout, Addend = addend, Count = count, Y = y }, Chunks.Count(count));

    /// <summary>y = factor x + addend; the addend may be null, and may be y itself to accumulate.</summary>
    /// <param name="x">[count].</param>
    /// <param name="factor">Multiplies each element.</param>
    /// <param name="addend">[count], or null.</param>
    /// <param name="count">The number of elements.</param>
    /// <param name="y">[count], overwritten; may be x.</param>
    /// <param name="pool">The workers.</param>
    public static void Scale(float* x, float factor, float* addend, int count, float* y, WorkerPool pool) =>
        pool.Run(new ScaleWork { X = x, Factor = factor, Addend = addend, Count = count, Y = y }, Chunks.Count(count));

    private struct ScaleWork : IWork
    {
        public float* X, Addend, Y;
        public float Factor;
        public int Count;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            (int i, int stop) = Chunks.Range(start, end, Count);
            i = Loop<V>(i, stop);
            Loop<Lanes1>(i, stop);
        }

        private readonly int Loop<V>(int i, int stop)
            where V : unmanaged, ILanes<V>
        {
            V factor = V.Broadcast(Factor);
            for (; i + V.Count <= stop; i += V.Count)
            {
                V value = V.Load(X + i) * factor;
                (Addend is null ? value : value + V.Load(Addend + i)).Store(Y + i);
            }

            return i;
        }
    }

    private struct Work : IWork
    {
        public float* X, Addend, Y;
        public Dropout Dropout;
        public int Count;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            (int i, int stop) = Chunks.Range(start, end, Count);
            i = Loop<V>(i, stop);
            Loop<Lanes1>(i, stop);
        }

        private readonly int Loop<V>(int i, int stop)
            where V : unmanaged, ILanes<V>
        {
            for (; i + V.Count <= stop; i += V.Count)
            {
                V value = V.Load(X + i);
                if (Dropout.Active)
                {
                    value *= Dropout.Mask<V>((uint)i);
                }

                (Addend is null ? value : value + V.Load(Addend + i)).Store(Y + i);
            }

            return i;
        }
    }
}
