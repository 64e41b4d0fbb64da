using Quatrain.Models;
using Quatrain.Tensors;

namespace Quatrain.Inference.Tests;

/// <summary>A model that counts its caches, and does something after each pass over one, such as to cancel or to fail.</summary>
internal sealed class WatchedModel(ILanguageModel model) : ILanguageModel
{
    public Action? AfterPass { get; set; }

    public List<int> Capacities { get; } = [];

    public int VocabularySize => model.VocabularySize;

    public int ContextLength => model.ContextLength;

    public ParameterStore Parameters => model.Parameters;

    public Tensor Forward(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null) => After(model.Forward(tape, tokens, batchSize, cache));

    public Tensor ForwardLast(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null) => After(model.ForwardLast(tape, tokens, batchSize, cache));

    public void Read(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache cache)
    {
        model.Read(tape, tokens, batchSize, cache);
        AfterPass?.Invoke();
    }

    public KvCache NewCache(int batchSize, int capacity = 0) => model.NewCache(batchSize, capacity);

    public KvSequence NewSequence(int capacity)
    {
        KvSequence sequence = model.NewSequence(capacity);
        Capacities.Add(sequence.Capacity);
        return sequence;
    }

    public long DecodingStateBytes(int batchSize, int length, int chunk) => model.DecodingStateBytes(batchSize, length, chunk);

    public long TrainingActivationBytes(int batchSize, int sequenceLength) => model.TrainingActivationBytes(batchSize, sequenceLength);

    public void Dispose() => model.Dispose();

    private Tensor After(Tensor logits)
    {
        AfterPass?.Invoke();
        return logits;
    }
}
