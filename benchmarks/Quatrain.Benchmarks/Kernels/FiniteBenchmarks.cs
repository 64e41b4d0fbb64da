using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>The check that a model's weights go through when it is opened, on a token table of GPT-2.</summary>
public unsafe class FiniteBenchmarks : ParallelKernelBenchmark
{
    private const long Count = 50257L * 768;

    private byte* _weights;

    public override Amount AmountOf(string method) => new(0, (double)Count * sizeof(float));

    [Benchmark]
    public long FirstNonFinite() => FiniteKernel.FirstNonFinite(_weights, WeightFormat.Float32, Count, Pool);

    protected override void Allocate() => _weights = (byte*)Floats(Count);
}
