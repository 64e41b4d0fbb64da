using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Parameters;
using BenchmarkDotNet.Running;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Benchmarks;

/// <summary>A kernel to measure: its operands, its workers, and how much it does.</summary>
public abstract unsafe class KernelBenchmark
{
    private readonly List<NativeBuffer> _buffers = [];
    private readonly RandomSource _random = new(1337);

    /// <summary>The number of workers.</summary>
    public virtual int Threads { get; set; } = 1;

    /// <summary>The workers.</summary>
    protected WorkerPool Pool { get; private set; } = null!;

    /// <summary>What one call of the benchmark <paramref name="method"/> does with the parameters as they are set.</summary>
    public abstract Amount AmountOf(string method);

    [GlobalSetup]
    public void Setup()
    {
        Pool = new WorkerPool(Threads);
        Machine.Speed(Pool);
        Allocate();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        Pool.Dispose();
        foreach (NativeBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }

        _buffers.Clear();
    }

    /// <summary>The benchmark of <paramref name="benchmark"/> with its parameters, not set up.</summary>
    internal static KernelBenchmark For(BenchmarkCase benchmark)
    {
        KernelBenchmark instance = (KernelBenchmark)Activator.CreateInstance(benchmark.Descriptor.Type)!;
        foreach (ParameterInstance parameter in benchmark.Parameters.Items)
        {
            benchmark.Descriptor.Type.GetProperty(parameter.Name)!.SetValue(instance, parameter.Value);
        }

        return instance;
    }

    /// <summary>Makes the operands.</summary>
    protected abstract void Allocate();

    /// <summary>Random floats in [-0.5, 0.5).</summary>
    protected float* Floats(long count)
    {
        NativeBuffer buffer = new(count);
        _buffers.Add(buffer);
        for (long i = 0; i < count; i++)
        {
            buffer.Data[i] = (float)(_random.NextDouble() - 0.5);
        }

        return buffer.Data;
    }

    /// <summary>Random ids in [0, <paramref name="limit"/>).</summary>
    protected int* Ids(int count, int limit)
    {
        int* ids = (int*)Floats(count);
        for (int i = 0; i < count; i++)
        {
            ids[i] = _random.NextInt32(limit);
        }

        return ids;
    }
}

/// <summary>A kernel whose work is shared out.</summary>
public abstract class ParallelKernelBenchmark : KernelBenchmark
{
    public static IEnumerable<int> ThreadCounts => Machine.ThreadCounts;

    [ParamsSource(nameof(ThreadCounts))]
    public override int Threads { get; set; }
}
