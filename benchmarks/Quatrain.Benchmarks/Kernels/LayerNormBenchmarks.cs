using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

public unsafe class LayerNormBenchmarks : ParallelKernelBenchmark
{
    private const int Rows = 1024;

    private float* _x, _weight, _bias, _y, _mean, _inverseDeviation, _yGrad, _xGrad, _weightGrad, _biasGrad, _workspace;

    [Params(64, 128, 384, 768)]
    public int Columns { get; set; }

    public override Amount AmountOf(string method) => new(0, (method == nameof(Forward) ? 2.0 : 3.0) * sizeof(float) * Rows * Columns);

    [Benchmark]
    public void Forward() => LayerNormKernel.Forward(_x, _weight, _bias, 1e-5f, Rows, Columns, _y, _mean, _inverseDeviation, Pool);

    [Benchmark]
    public void Backward() => LayerNormKernel.Backward(
        _x, _weight, _mean, _inverseDeviation, _yGrad, Rows, Columns, _xGrad, false, _weightGrad, false, _biasGrad, false, _workspace, Pool);

    protected override void Allocate()
    {
        long count = (long)Rows * Columns;
        _x = Floats(count);
        _y = Floats(count);
        _yGrad = Floats(count);
        _xGrad = Floats(count);
        _weight = Floats(Columns);
        _bias = Floats(Columns);
        _weightGrad = Floats(Columns);
        _biasGrad = Floats(Columns);
        _mean = Floats(Rows);
        _inverseDeviation = Floats(Rows);
        _workspace = Floats(LayerNormKernel.BackwardWorkspace(Rows, Columns));
        Forward();
    }
}
