using BenchmarkDotNet.Attributes;
using Quatrain.Benchmarks.Reporting;
using Quatrain.Tensors.Kernels;

namespace Quatrain.Benchmarks.Kernels;

public unsafe class CrossEntropyBenchmarks : ParallelKernelBenchmark
{
    private const int IgnoreIndex = -1;
    private const int CharacterRows = 4096;
    private const int Gpt2Rows = 256;

    private float* _logits, _losses, _logSums, _logitsGrad;
    private int* _targets;

    [Params(65, 50257)]
    public int VocabularySize { get; set; }

    private int Rows => VocabularySize == 65 ? CharacterRows : Gpt2Rows;

    public override Amount AmountOf(string method) => new(0, (method == nameof(Forward) ? 1.0 : 2.0) * sizeof(float) * Rows * VocabularySize);

    [Benchmark]
    public void Forward() => CrossEntropyKernel.Forward(_logits, _targets, IgnoreIndex, Rows, VocabularySize, _losses, _logSums, Pool);

    [Benchmark]
    public void Backward() =>
        CrossEntropyKernel.Backward(_logits, _targets, IgnoreIndex, _logSums, rowWeights: null, 1f / Rows, Rows, VocabularySize, _logitsGrad, Pool);

    protected override void Allocate()
    {
        _logits = Floats((long)Rows * VocabularySize);
        _logitsGrad = Floats((long)Rows * VocabularySize);
        _losses = Floats(Rows);
        _logSums = Floats(Rows);
        _targets = Ids(Rows, VocabularySize);
        Forward();
    }
}
