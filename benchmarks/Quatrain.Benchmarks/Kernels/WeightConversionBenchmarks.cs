using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>A layer's weight of GPT-2 124M into the formats for decoding, as it lies and with rows and columns exchanged.</summary>
public unsafe class WeightConversionBenchmarks : ParallelKernelBenchmark
{
    private const int Rows = 768;
    private const int Columns = 3072;

    private byte* _source, _destination;

    [Params(WeightFormat.BFloat16, WeightFormat.Int8)]
    public WeightFormat Format { get; set; }

    [Params(false, true)]
    public bool Transpose { get; set; }

    public override Amount AmountOf(string method) => new(0, (double)Rows * Columns * sizeof(float) + WeightMemory.ByteCount(Rows, Columns, Format));

    [Benchmark]
    public void Convert() => WeightConversionKernel.Convert(_source, WeightFormat.Float32, Rows, Columns, Transpose, _destination, Format, Pool);

    protected override void Allocate()
    {
        _source = (byte*)Floats((long)Rows * Columns);
        _destination = (byte*)Floats((long)Rows * Columns);
    }
}
