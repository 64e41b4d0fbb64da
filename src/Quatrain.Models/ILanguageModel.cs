using Quatrain.Tensors;

namespace Quatrain.Models;

/// <summary>A model that gives, for each token of a sequence, a score for every token that may come next.</summary>
public interface ILanguageModel : IDisposable
{
    /// <summary>V: token ids lie in [0, V).</summary>
    int VocabularySize { get; }

    /// <summary>
    /// From now on V is <paramref name="count"/>: the table of embeddings has more rows than the tokenizer has tokens, for the sake of a round number, and what
    /// lies beyond is no token. It has no logit and so takes no part in a draw or a loss. Passes on a recording tape go on giving the logits of all rows.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is not positive, or greater than the table has rows.</exception>
    void LimitVocabulary(int count);

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

    /// <summary>A cache of <paramref name="batchSize"/> empty sequences of this model, each with room for its whole context.</summary>
    KvCache NewCache(int batchSize);

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
