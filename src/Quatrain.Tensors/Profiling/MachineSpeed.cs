using System.Diagnostics;
using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Profiling;

/// <summary>What a machine can do at best: the measure of what kernels make of it.</summary>
/// <param name="PeakGflops">Fused multiply-adds on registers alone, in 10^9 floating-point operations a second; each counts two.</param>
/// <param name="MemoryGigabytesPerSecond">Reading memory that no cache holds, in 10^9 bytes a second.</param>
public sealed record MachineSpeed(double PeakGflops, double MemoryGigabytesPerSecond)
{
    // Larger than the caches of nearly all machines, and no burden to one with little memory.
    private const long BufferBytes = 512L << 20;
    private const int ShareOfAvailable = 8;

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(0.6);

    /// <summary>
    /// Measures with all workers of <paramref name="pool"/>, in about two seconds. The best of many short rounds counts, because other programs can only slow
    /// one down.
    /// </summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static MachineSpeed Measure(WorkerPool pool, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pool);
        return Measure(pool, Math.Min(BufferBytes, SystemMemory.AvailableBytes / ShareOfAvailable), Duration, cancellation);
    }

    internal static MachineSpeed Measure(WorkerPool pool, long bufferBytes, TimeSpan duration, CancellationToken cancellation)
    {
        double gflops = MeasureMultiplyAdd(pool, duration, cancellation) / 1e9;
        return new MachineSpeed(gflops, MeasureRead(pool, bufferBytes, duration, cancellation) / 1e9);
    }

    private static double MeasureMultiplyAdd(WorkerPool pool, TimeSpan duration, CancellationToken cancellation)
    {
        long rounds = 1_000;
        while (Time(() => MachineSpeedKernel.MultiplyAdd(rounds, pool)) < Round)
        {
            rounds *= 2;
        }

        return MachineSpeedKernel.MultiplyAddFlops(rounds, pool) / Best(() => MachineSpeedKernel.MultiplyAdd(rounds, pool), duration, cancellation).TotalSeconds;
    }

    private static unsafe double MeasureRead(WorkerPool pool, long bytes, TimeSpan duration, CancellationToken cancellation)
    {
        const int UnitBytes = MachineSpeedKernel.ReadUnit * sizeof(float);
        using NativeBuffer buffer = new(Math.Max(pool.Threads, bytes / UnitBytes) * MachineSpeedKernel.ReadUnit);
        return buffer.Length * sizeof(float) / Best(() => MachineSpeedKernel.Read(buffer.Data, buffer.Length, pool), duration, cancellation).TotalSeconds;
    }

    private static TimeSpan Best(Action work, TimeSpan duration, CancellationToken cancellation)
    {
        TimeSpan best = TimeSpan.MaxValue;
        long start = Stopwatch.GetTimestamp();
        do
        {
            cancellation.ThrowIfCancellationRequested();
            TimeSpan time = Time(work);
            best = time < best ? time : best;
        }
        while (Stopwatch.GetElapsedTime(start) < duration);
        return best;
    }

    private static TimeSpan Time(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start);
    }
}
