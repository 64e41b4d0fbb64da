using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

/// <summary>4 sequences of 256 tokens, GPT-2's tables. The gradients are added to, as beneath a head that shares the table.</summary>
public unsafe class EmbeddingBenchmarks : ParallelKernelBenchmark
{
    private const int BatchSize = 4;
    private const int SequenceLength = 256;
    private const int Columns = 768;
    private const int VocabularySize = 50257;

    private int* _ids;
    private float* _tokens, _positions, _y;

    public override Amount AmountOf(string method) => new(0, (method == nameof(Forward) ? 2.0 : 3.0) * sizeof(float) * BatchSize * SequenceLength * Columns);

    [Benchmark]
    public void Forward() => EmbeddingKernel.Forward(_ids, _tokens, _positions, null, BatchSize, SequenceLength, Columns, _y, Pool);

    [Benchmark]
    public void Backward() => EmbeddingKernel.Backward(
        _ids, _y, null, BatchSize, SequenceLength, Columns, _tokens, accumulateTokens: true, VocabularySize,
        _positions, accumulatePositions: true, SequenceLength, Pool);

    protected override void Allocate()
    {
        _tokens = Floats((long)VocabularySize * Columns);
        _positions = Floats((long)SequenceLength * Columns);
        _y = Floats((long)BatchSize * SequenceLength * Columns);
        _ids = Ids(BatchSize * SequenceLength, VocabularySize);
    }
}
