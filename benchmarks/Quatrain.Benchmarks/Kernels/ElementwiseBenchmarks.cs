using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

public unsafe class ElementwiseBenchmarks : ParallelKernelBenchmark
{
    private float* _x, _addend, _y;

    /// <summary>768 tokens, 128 wide, and 4,096 tokens, 384 wide.</summary>
    [Params(768 * 128, 4096 * 384)]
    public int Count { get; set; }

    public override Amount AmountOf(string method) => new(0, 3.0 * sizeof(float) * Count);

    [Benchmark]
    public void Add() => ElementwiseKernel.DropoutAdd(_x, Dropout.None, _addend, Count, _y, Pool);

    [Benchmark]
    public void DropoutAdd() => ElementwiseKernel.DropoutAdd(_x, new Dropout(0.2f, key: 7), _addend, Count, _y, Pool);

    [Benchmark]
    public void Scale() => ElementwiseKernel.Scale(_x, 0.5f, _addend, Count, _y, Pool);

    protected override void Allocate()
    {
        _x = Floats(Count);
        _addend = Floats(Count);
        _y = Floats(Count);
    }
}
