using Quatrain.Tensors;

namespace Quatrain.Models;

/// <summary>A model that gives, for each token of a sequence, a score for every token that may come next.</summary>
public interface ILanguageModel : IDisposable
{
    /// <summary>V: token ids lie in [0, V).</summary>
    int VocabularySize { get; }

    /// <summary>The most tokens the model looks at.</summary>
    int ContextLength { get; }

    /// <summary>The weights.</summary>
    ParameterStore Parameters { get; }

    /// <summary>The logits [B, T, V] of the tokens that follow each of <paramref name="tokens"/>.</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="tokens">B * T ids, a sequence after the other.</param>
    /// <param name="batchSize">B.</param>
    /// <param name="cache">What came before the tokens of each sequence; they are added to it. Only on a tape that does not record.</param>
    Tensor Forward(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null);

    /// <summary>The logits [B, 1, V] of the tokens that follow the last of each sequence. Only on a tape that does not record.</summary>
    /// <inheritdoc cref="Forward" path="/param"/>
    Tensor ForwardLast(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache? cache = null);

    /// <summary>Adds the tokens to the cache and computes no logits: the beginning of a long prompt. Only on a tape that does not record.</summary>
    /// <inheritdoc cref="Forward" path="/param"/>
    void Read(Tape tape, ReadOnlySpan<int> tokens, int batchSize, KvCache cache);

    /// <summary>A cache of <paramref name="batchSize"/> empty sequences of this model.</summary>
    /// <param name="batchSize">B.</param>
    /// <param name="capacity">The tokens each sequence can hold, at most the context length, which 0 stands for.</param>
    KvCache NewCache(int batchSize, int capacity = 0);

    /// <summary>An empty sequence of this model with room for <paramref name="capacity"/> tokens.</summary>
    KvSequence NewSequence(int capacity);

    /// <summary>
    /// The bytes that decoding takes beside the weights: the cache of <paramref name="batchSize"/> sequences of <paramref name="length"/> tokens, and the
    /// larger of what a pass over one token of each takes and one over <paramref name="chunk"/> tokens of one.
    /// </summary>
    long DecodingStateBytes(int batchSize, int length, int chunk);

    /// <summary>The bytes that a recording tape takes for forward, loss and backward of <paramref name="batchSize"/> sequences.</summary>
    long TrainingActivationBytes(int batchSize, int sequenceLength);
}
