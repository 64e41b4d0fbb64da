using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

public unsafe class ActivationBenchmarks : ParallelKernelBenchmark
{
    private float* _x, _y, _yGrad, _xGrad;

    /// <summary>The hidden layers of 768 tokens, 128 wide, and of 1,024 tokens, 768 wide.</summary>
    [Params(768 * 512, 1024 * 3072)]
    public int Count { get; set; }

    public override Amount AmountOf(string method) => new(0, (method.EndsWith("Forward", StringComparison.Ordinal) ? 2.0 : 3.0) * sizeof(float) * Count);

    [Benchmark]
    public void GeluExactForward() => ActivationKernel.Forward<GeluExact>(_x, Count, _y, Pool);

    [Benchmark]
    public void GeluExactBackward() => ActivationKernel.Backward<GeluExact>(_x, _yGrad, Count, _xGrad, accumulate: false, Pool);

    [Benchmark]
    public void GeluTanhForward() => ActivationKernel.Forward<GeluTanh>(_x, Count, _y, Pool);

    [Benchmark]
    public void GeluTanhBackward() => ActivationKernel.Backward<GeluTanh>(_x, _yGrad, Count, _xGrad, accumulate: false, Pool);

    protected override void Allocate()
    {
        _x = Floats(Count);
        _y = Floats(Count);
        _yGrad = Floats(Count);
        _xGrad = Floats(Count);
    }
}
