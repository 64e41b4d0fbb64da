using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

public unsafe class WeightedSumBenchmarks : KernelBenchmark
{
    private const int Count = 1 << 16;

    private float* _x, _weights, _xGrad;

    public override Amount AmountOf(string method) => new(0, 2.0 * sizeof(float) * Count);

    [Benchmark]
    public double Forward() => WeightedSumKernel.Forward(_x, _weights, Count);

    [Benchmark]
    public void Backward() => WeightedSumKernel.Backward(_weights, 0.5f, Count, _xGrad, accumulate: false);

    protected override void Allocate()
    {
        _x = Floats(Count);
        _weights = Floats(Count);
        _xGrad = Floats(Count);
    }
}
