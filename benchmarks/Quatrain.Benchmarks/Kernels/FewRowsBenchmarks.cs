using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>Decoding: a few rows by GPT-2's token table [N, K], and by as large a weight [K, N]; far more than the caches hold, so held against memory's speed.</summary>
public unsafe class FewRowsBenchmarks : ParallelKernelBenchmark
{
    private const int Outputs = 50257;
    private const int Inputs = 768;

    private float* _x, _weights, _y;

    [Params(1, 4, 8)]
    public int Rows { get; set; }

    [Params(false, true)]
    public bool IsBFloat16 { get; set; }

    public override Amount AmountOf(string method) => new(0, (IsBFloat16 ? sizeof(ushort) : sizeof(float)) * (double)Outputs * Inputs);

    [Benchmark]
    public void ByInputs() => Multiply(new Operand(_weights, Outputs, false, IsBFloat16));

    [Benchmark]
    public void ByOutputs() => Multiply(new Operand(_weights, Inputs, true, IsBFloat16));

    protected override void Allocate()
    {
        _weights = Floats((long)Outputs * Inputs);
        _x = Floats((long)Rows * Inputs);
        _y = Floats((long)Rows * Outputs);
    }

    private void Multiply(Operand weight) => MatMulKernel.Multiply(new Operand(_x, Inputs), weight, Rows, Outputs, Inputs, null, null, 0, _y, Outputs, Pool);
}
