using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Products;
using Quatrain.Benchmarks.Reporting;

namespace Quatrain.Benchmarks.Kernels;

public unsafe class MatMulBenchmarks : ParallelKernelBenchmark
{
    private LinearProducts _products = null!;

    public static IEnumerable<ProductShape> Shapes => ProductShape.All;

    [ParamsSource(nameof(Shapes))]
    public ProductShape Shape { get; set; } = null!;

    public override Amount AmountOf(string method) => new(Shape.Flops);

    [Benchmark]
    public void Forward() => _products.Forward();

    [Benchmark]
    public void InputGradient() => _products.InputGradient();

    [Benchmark]
    public void WeightGradient() => _products.WeightGradient();

    protected override void Allocate()
    {
        long rows = Shape.Rows, outputs = Shape.Outputs, inputs = Shape.Inputs;
        _products = new LinearProducts(Shape, Floats(rows * inputs), Floats(inputs * outputs), Floats(rows * outputs), Pool);
    }
}
