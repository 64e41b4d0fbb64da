using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

public unsafe class AdamWBenchmarks : ParallelKernelBenchmark
{
    private static readonly AdamWFactors Factors = new()
    {
        ClipScale = 0.5f,
        Keep = 0.9999f,
        Beta1 = 0.9f,
        Rest1 = 0.1f,
        Beta2 = 0.99f,
        Rest2 = 0.01f,
        StepSize = 1e-3f,
        SecondCorrection = 1,
        Epsilon = 1e-8f,
    };

    private float* _weights, _gradients, _firstMoment, _secondMoment;
    private double* _sums;
    private AdamWPart* _parts;
    private int _partCount;

    /// <summary>The parameters of the smallest character model, and of GPT-2's token table.</summary>
    [Params(800_000, 38_597_376)]
    public int Count { get; set; }

    public override Amount AmountOf(string method) => new(0, (method == nameof(SumSquares) ? 1.0 : 7.0) * sizeof(float) * Count);

    [Benchmark]
    public void SumSquares() => AdamWKernel.SumSquares(_gradients, _parts, _partCount, _sums, Pool);

    [Benchmark]
    public void Update() =>
        AdamWKernel.Update(_weights, _gradients, _firstMoment, _secondMoment, _parts, _partCount, Factors, Pool);

    protected override void Allocate()
    {
        _weights = Floats(Count);
        _gradients = Floats(Count);
        _firstMoment = Floats(Count);
        _secondMoment = Floats(Count);
        new Span<float>(_secondMoment, Count).Fill(0.01f);
        AdamWPart[] parts = [.. AdamWPart.Of(0, 0, Count, decays: true)];
        _partCount = parts.Length;
        _parts = (AdamWPart*)Floats((long)_partCount * sizeof(AdamWPart) / sizeof(float));
        parts.CopyTo(new Span<AdamWPart>(_parts, _partCount));
        _sums = (double*)Floats(2 * _partCount);
    }
}
