using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>The gradient of a bias over 1,024 tokens.</summary>
public unsafe class ColumnSumBenchmarks : ParallelKernelBenchmark
{
    private const int Rows = 1024;

    private float* _x, _sums;

    [Params(768, 3072)]
    public int Columns { get; set; }

    public override Amount AmountOf(string method) => new(0, (double)sizeof(float) * Rows * Columns);

    [Benchmark]
    public void Sum() => ColumnSumKernel.Sum(_x, Columns, Rows, Columns, _sums, accumulate: false, Pool);

    protected override void Allocate()
    {
        _x = Floats((long)Rows * Columns);
        _sums = Floats(Columns);
    }
}
