using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>What it costs to hand out work and to get it back, with workers that are awake.</summary>
public unsafe class WorkerPoolBenchmarks : ParallelKernelBenchmark
{
    private const int SpinsBeforeYield = 2_000;

    private int* _arrived;

    public override Amount AmountOf(string method) => default;

    /// <summary>Nothing to do: the caller mostly does the others' shares itself.</summary>
    [Benchmark]
    public void Empty() => Pool.Run(default(EmptyWork), Threads);

    /// <summary>No worker ends before all have begun, so the call takes as long as the slowest of them to wake to it.</summary>
    [Benchmark]
    public void Meet()
    {
        *_arrived = 0;
        Pool.Run(new MeetingWork { Arrived = _arrived, Expected = Threads }, Threads);
    }

    protected override void Allocate() => _arrived = (int*)Floats(1);

    private struct EmptyWork : IWork
    {
        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
        }
    }

    private struct MeetingWork : IWork
    {
        public int* Arrived;
        public int Expected;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            Interlocked.Add(ref *Arrived, end - start);
            for (int spins = 0; Volatile.Read(ref *Arrived) < Expected; spins++)
            {
                if (spins < SpinsBeforeYield)
                {
                    Thread.SpinWait(1);
                }
                else
                {
                    // The worker that is missing may be waiting for this core.
                    Thread.Yield();
                }
            }
        }
    }
}
