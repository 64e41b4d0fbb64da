using System.Diagnostics;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Profiling;

/// <summary>What a machine can do at best: the measure of what kernels make of it.</summary>
/// <param name="PeakGflops">Fused multiply-adds on registers alone, in 10^9 floating-point operations a second; each counts two.</param>
/// <param name="MemoryGigabytesPerSecond">Reading memory that no cache holds, in 10^9 bytes a second.</param>
public sealed record MachineSpeed(double PeakGflops, double MemoryGigabytesPerSecond)
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(0.6);

    /// <summary>
    /// Measures with all workers of <paramref name="pool"/>, in about two seconds. The best of many short rounds counts, because other programs can only slow
    /// one down.
    /// </summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static MachineSpeed Measure(WorkerPool pool, CancellationToken cancellation = default)
    {
        using MachineProbe probe = new(pool);
        return Measure(probe, Duration, cancellation);
    }

    internal static MachineSpeed Measure(MachineProbe probe, TimeSpan duration, CancellationToken cancellation) =>
        new(Best(probe.MultiplyAddGflops, duration, cancellation), Best(probe.ReadGigabytesPerSecond, duration, cancellation));

    private static double Best(Func<double> measure, TimeSpan duration, CancellationToken cancellation)
    {
        double best = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            cancellation.ThrowIfCancellationRequested();
            best = Math.Max(best, measure());
        }
        while (Stopwatch.GetElapsedTime(start) < duration);
        return best;
    }
}
