using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Benchmarks.Reporting;

/// <summary>What the machine can do with each number of threads, measured once in a run.</summary>
internal static class Machine
{
    private static readonly Dictionary<int, MachineSpeed> Speeds = [];

    /// <summary>One thread and, where there are more cores, a thread for each.</summary>
    public static IEnumerable<int> ThreadCounts { get; } = new SortedSet<int> { 1, ProcessorInfo.PhysicalCores };

    /// <summary>The speed with the workers of <paramref name="pool"/>.</summary>
    public static MachineSpeed Speed(WorkerPool pool)
    {
        if (!Speeds.TryGetValue(pool.Threads, out MachineSpeed? speed))
        {
            Speeds.Add(pool.Threads, speed = MachineSpeed.Measure(pool));
            Console.WriteLine($"// {pool.Threads} thread(s): {speed.PeakGflops:F0} GFLOP/s, {speed.MemoryGigabytesPerSecond:F0} GB/s at best");
        }

        return speed;
    }

    /// <summary>The speed that was measured with <paramref name="threads"/> workers.</summary>
    public static MachineSpeed Speed(int threads) => Speeds[threads];
}
