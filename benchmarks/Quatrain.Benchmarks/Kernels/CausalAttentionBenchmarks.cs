using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>4,096 tokens, 384 wide.</summary>
public unsafe class CausalAttentionBenchmarks : ParallelKernelBenchmark
{
    private const int Tokens = 4096;
    private const int Width = 384;

    private float* _qkv, _y, _logSums, _yGrad, _qkvGrad;

    [Params(32, 64, 128)]
    public int HeadSize { get; set; }

    [Params(64, 256, 1024)]
    public int SequenceLength { get; set; }

    private AttentionSizes Sizes => new(Tokens / SequenceLength, Width / HeadSize, HeadSize, SequenceLength, SequenceLength);

    /// <summary>By the field's convention, as a whole model's step is counted: masked pairs too; two products forward and four backward.</summary>
    public override Amount AmountOf(string method) => new((method == nameof(Forward) ? 2 : 4) * 2.0 * Width * Tokens * SequenceLength);

    [Benchmark]
    public void Forward() => CausalAttentionKernel.Forward(Part(_qkv, 0), Part(_qkv, 1), Part(_qkv, 2), Sizes, Dropout.None, Rows(_y), _logSums, Pool);

    [Benchmark]
    public void Backward() => CausalAttentionKernel.Backward(
        Part(_qkv, 0), Part(_qkv, 1), Part(_qkv, 2), Rows(_y), _logSums, Rows(_yGrad), Sizes, Dropout.None,
        Part(_qkvGrad, 0), Part(_qkvGrad, 1), Part(_qkvGrad, 2), accumulate: false, Pool);

    protected override void Allocate()
    {
        _qkv = Floats(3L * Tokens * Width);
        _qkvGrad = Floats(3L * Tokens * Width);
        _y = Floats((long)Tokens * Width);
        _yGrad = Floats((long)Tokens * Width);
        _logSums = Floats((long)Tokens * Sizes.HeadCount);
        Forward();
    }

    private HeadRows Part(float* qkv, int part) => new(qkv + part * Width, 3L * Width * SequenceLength, 3 * Width);

    private HeadRows Rows(float* y) => new(y, (long)Width * SequenceLength, Width);
}
