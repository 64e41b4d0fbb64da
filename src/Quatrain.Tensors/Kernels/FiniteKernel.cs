using System.Runtime.Intrinsics;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Looks for NaN and infinities, at the speed of memory.</summary>
internal static unsafe class FiniteKernel
{
    private const int NumbersPerUnit = 1 << 18;

    /// <summary>The index of the first number that is NaN or infinite, of int8 the first block of such a scale; -1 where all are finite.</summary>
    /// <param name="data">The numbers; no alignment is needed.</param>
    /// <param name="format">How they are stored.</param>
    /// <param name="count">How many numbers there are, of int8 how many blocks.</param>
    /// <param name="pool">The workers.</param>
    public static long FirstNonFinite(byte* data, WeightFormat format, long count, WorkerPool pool)
    {
        long* first = stackalloc long[pool.Threads];
        new Span<long>(first, pool.Threads).Fill(-1);
        Work work = new() { Data = data, Format = format, Count = count, First = first };
        pool.Run(work, checked((int)((count + NumbersPerUnit - 1) / NumbersPerUnit)));
        long found = -1;
        for (int i = 0; i < pool.Threads; i++)
        {
            found = first[i] >= 0 && (found < 0 || first[i] < found) ? first[i] : found;
        }

        return found;
    }

    private struct Work : IWork
    {
        public byte* Data;
        public WeightFormat Format;
        public long Count;
        public long* First;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            long stop = Math.Min((long)end * NumbersPerUnit, Count);
            for (long i = (long)start * NumbersPerUnit; i < stop; i += NumbersPerUnit)
            {
                int count = (int)Math.Min(NumbersPerUnit, stop - i);
                int found = Format switch
                {
                    WeightFormat.Float32 => Floats((uint*)Data + i, count),
                    WeightFormat.BFloat16 => Halves((ushort*)Data + i, count, sizeof(ushort), 0x7F80),
                    _ => Halves((ushort*)(Data + i * Int8Blocks.Size), count, Int8Blocks.Size, 0x7C00),
                };
                // A worker takes on the caller's share or another's where that one is late: the smallest counts.
                if (found >= 0 && (First[worker] < 0 || i + found < First[worker]))
                {
                    First[worker] = i + found;
                    return;
                }
            }
        }

        private static int Floats(uint* bits, int count)
        {
            const uint Infinity = 0x7F800000, Sign = 0x80000000;
            Vector256<uint> largest = Vector256<uint>.Zero, other = largest, sizes = Vector256.Create(~Sign);
            int i = 0;
            for (; i + 2 * Vector256<uint>.Count <= count; i += 2 * Vector256<uint>.Count)
            {
                largest = Vector256.Max(largest, Vector256.Load(bits + i) & sizes);
                other = Vector256.Max(other, Vector256.Load(bits + i + Vector256<uint>.Count) & sizes);
            }

            if (Vector256.LessThanAll(Vector256.Max(largest, other), Vector256.Create(Infinity)))
            {
                for (; i < count; i++)
                {
                    if ((bits[i] & ~Sign) >= Infinity)
                    {
                        return i;
                    }
                }

                return -1;
            }

            for (i = 0; (bits[i] & ~Sign) < Infinity; i++)
            {
            }

            return i;
        }

        /// <summary>Numbers of 16 bits, a stride of bytes apart, that are infinite or NaN where all bits of the exponent are set.</summary>
        private static int Halves(ushort* bits, int count, int stride, int exponent)
        {
            int i = 0;
            if (stride == sizeof(ushort))
            {
                Vector256<ushort> all = Vector256.Create((ushort)exponent);
                for (; i + Vector256<ushort>.Count <= count && !Vector256.EqualsAny(Vector256.Load(bits + i) & all, all); i += Vector256<ushort>.Count)
                {
                }
            }

            for (; i < count; i++)
            {
                if ((*(ushort*)((byte*)bits + (nint)i * stride) & exponent) == exponent)
                {
                    return i;
                }
            }

            return -1;
        }
    }
}
