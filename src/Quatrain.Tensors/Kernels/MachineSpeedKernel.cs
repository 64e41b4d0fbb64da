using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Work that does nothing but keep a machine's arithmetic units, or its memory, busy: what the other kernels are measured against.</summary>
internal static unsafe class MachineSpeedKernel
{
    /// <summary>The floats of memory that are read as one unit: enough that handing it out costs nothing.</summary>
    public const int ReadUnit = 1 << 18;

    /// <summary>
    /// The sums that run side by side. A multiply-add takes 4 cycles and a core starts 2 of them a cycle, or 4 on some ARM64, so 8 or 16 are needed; more of
    /// them don't fit the 16 registers that machines with fewer lanes have.
    /// </summary>
    public static int Chains<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 || AdvSimd.IsSupported ? 24 : 12;

    /// <summary>The floating-point operations of <see cref="MultiplyAdd"/> on this machine's registers.</summary>
    public static double MultiplyAddFlops(long rounds, WorkerPool pool) => 2.0 * WorkerPool.Lanes * rounds * pool.Threads * WorkerPool.Lanes switch
    {
        16 => Chains<Lanes16>(),
        8 => Chains<Lanes8>(),
        4 => Chains<Lanes4>(),
        _ => Chains<Lanes1>(),
    };

    /// <summary>Each worker does <paramref name="rounds"/> multiply-adds in each lane of each of its sums. Returns the total of all sums.</summary>
    public static double MultiplyAdd(long rounds, WorkerPool pool)
    {
        double* totals = stackalloc double[pool.Threads];
        new Span<double>(totals, pool.Threads).Clear();
        pool.Run(new MultiplyAddWork { Rounds = rounds, Totals = totals }, pool.Threads);
        return Sum(totals, pool.Threads);
    }

    /// <summary>Reads x[count], each worker a part of its own, and returns the sum. The count must be a multiple of <see cref="ReadUnit"/>.</summary>
    public static double Read(float* x, long count, WorkerPool pool)
    {
        double* totals = stackalloc double[pool.Threads];
        new Span<double>(totals, pool.Threads).Clear();
        pool.Run(new ReadWork { X = x, Totals = totals }, (int)(count / ReadUnit));
        return Sum(totals, pool.Threads);
    }

    /// <summary>a = a / 2 + 1 in every lane of 24 registers: after r rounds from 0 each lane is 2 - 2^(1-r).</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static float Chains24<V>(long rounds)
        where V : unmanaged, ILanes<V>
    {
        V half = V.Broadcast(0.5f), one = V.Broadcast(1);
        V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero, a4 = V.Zero, a5 = V.Zero, a6 = V.Zero, a7 = V.Zero;
        V b0 = V.Zero, b1 = V.Zero, b2 = V.Zero, b3 = V.Zero, b4 = V.Zero, b5 = V.Zero, b6 = V.Zero, b7 = V.Zero;
        V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero, c6 = V.Zero, c7 = V.Zero;
        for (long round = 0; round < rounds; round++)
        {
            a0 = V.MultiplyAdd(a0, half, one);
            a1 = V.MultiplyAdd(a1, half, one);
            a2 = V.MultiplyAdd(a2, half, one);
            a3 = V.MultiplyAdd(a3, half, one);
            a4 = V.MultiplyAdd(a4, half, one);
            a5 = V.MultiplyAdd(a5, half, one);
            a6 = V.MultiplyAdd(a6, half, one);
            a7 = V.MultiplyAdd(a7, half, one);
            b0 = V.MultiplyAdd(b0, half, one);
            b1 = V.MultiplyAdd(b1, half, one);
            b2 = V.MultiplyAdd(b2, half, one);
            b3 = V.MultiplyAdd(b3, half, one);
            b4 = V.MultiplyAdd(b4, half, one);
            b5 = V.MultiplyAdd(b5, half, one);
            b6 = V.MultiplyAdd(b6, half, one);
            b7 = V.MultiplyAdd(b7, half, one);
            c0 = V.MultiplyAdd(c0, half, one);
            c1 = V.MultiplyAdd(c1, half, one);
            c2 = V.MultiplyAdd(c2, half, one);
            c3 = V.MultiplyAdd(c3, half, one);
            c4 = V.MultiplyAdd(c4, half, one);
            c5 = V.MultiplyAdd(c5, half, one);
            c6 = V.MultiplyAdd(c6, half, one);
            c7 = V.MultiplyAdd(c7, half, one);
        }

        V a = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7, b = b0 + b1 + b2 + b3 + b4 + b5 + b6 + b7, c = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7;
        return (a + b + c).Sum();
    }

    /// <summary>As <see cref="Chains24{V}"/>, in 12 registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static float Chains12<V>(long rounds)
        where V : unmanaged, ILanes<V>
    {
        V half = V.Broadcast(0.5f), one = V.Broadcast(1);
        V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero, a4 = V.Zero, a5 = V.Zero;
        V b0 = V.Zero, b1 = V.Zero, b2 = V.Zero, b3 = V.Zero, b4 = V.Zero, b5 = V.Zero;
        for (long round = 0; round < rounds; round++)
        {
            a0 = V.MultiplyAdd(a0, half, one);
            a1 = V.MultiplyAdd(a1, half, one);
            a2 = V.MultiplyAdd(a2, half, one);
            a3 = V.MultiplyAdd(a3, half, one);
            a4 = V.MultiplyAdd(a4, half, one);
            a5 = V.MultiplyAdd(a5, half, one);
            b0 = V.MultiplyAdd(b0, half, one);
            b1 = V.MultiplyAdd(b1, half, one);
            b2 = V.MultiplyAdd(b2, half, one);
            b3 = V.MultiplyAdd(b3, half, one);
            b4 = V.MultiplyAdd(b4, half, one);
            b5 = V.MultiplyAdd(b5, half, one);
        }

        return (a0 + a1 + a2 + a3 + a4 + a5 + b0 + b1 + b2 + b3 + b4 + b5).Sum();
    }

    /// <summary>
    /// The sum of x[count], a multiple of 8 registers, in 8 sums that do not wait for each other. It is read as four streams side by side, which a machine whose
    /// prefetchers follow several delivers 1.4 times as fast as one.
    /// </summary>
    internal static float Sum<V>(float* x, long count)
        where V : unmanaged, ILanes<V>
    {
        long quarter = count / 4;
        float* y = x + quarter, z = y + quarter, w = z + quarter;
        V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero, e = V.Zero, f = V.Zero, g = V.Zero, h = V.Zero;
        for (long i = 0; i < quarter; i += 2 * V.Count)
        {
            a += V.Load(x + i);
            b += V.Load(x + i + V.Count);
            c += V.Load(y + i);
            d += V.Load(y + i + V.Count);
            e += V.Load(z + i);
            f += V.Load(z + i + V.Count);
            g += V.Load(w + i);
            h += V.Load(w + i + V.Count);
        }

        return (a + b + c + d + e + f + g + h).Sum();
    }

    private static double Sum(double* totals, int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += totals[i];
        }

        return sum;
    }

    private struct MultiplyAddWork : IWork
    {
        public long Rounds;
        public double* Totals;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int unit = start; unit < end; unit++)
            {
                Totals[worker] += Chains<V>() == 24 ? Chains24<V>(Rounds) : Chains12<V>(Rounds);
            }
        }
    }

    private struct ReadWork : IWork
    {
        public float* X;
        public double* Totals;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int unit = start; unit < end; unit++)
            {
                Totals[worker] += Sum<V>(X + (long)unit * ReadUnit, ReadUnit);
            }
        }
    }
}
