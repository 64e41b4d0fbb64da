using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>GPT-2's head with int8 weights: for a few rows held against memory's speed, for many against the arithmetic of float32.</summary>
public unsafe class Int8Benchmarks : ParallelKernelBenchmark
{
    private const int Outputs = 50257;
    private const int Inputs = 768;

    private float* _x, _y, _workspace;
    private byte* _blocks;

    [Params(1, 4, 64)]
    public int Rows { get; set; }

    public override Amount AmountOf(string method) =>
        new(Rows > 8 ? 2.0 * Rows * Outputs * Inputs : 0, WeightMemory.ByteCount(Outputs, Inputs, WeightFormat.Int8));

    [Benchmark]
    public void Multiply() => Int8Kernel.Multiply<Identity>(_x, _blocks, Rows, Outputs, Inputs, new MatMulResult(_y, Outputs, null, null, 0, null), _workspace, Pool);

    protected override void Allocate()
    {
        float* weights = Floats((long)Outputs * Inputs);
        _blocks = (byte*)Floats(WeightMemory.ByteCount(Outputs, Inputs, WeightFormat.Int8) / sizeof(float) + 1);
        WeightConversionKernel.Convert((byte*)weights, WeightFormat.Float32, Outputs, Inputs, false, _blocks, WeightFormat.Int8, Pool);
        _x = Floats((long)Rows * Inputs);
        _y = Floats((long)Rows * Outputs);
        _workspace = Floats(Int8Kernel.WorkspaceSize(Rows, Inputs));
    }
}
