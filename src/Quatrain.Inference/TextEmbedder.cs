using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference;

/// <summary>Turns a text into one vector: the mean, over its tokens, of what the model makes of them after the last norm, before the head.</summary>
/// <remarks>
/// e[c] = (1 / T) sum over t of hidden[t, c], summed in double precision. A text's vector depends on it and the model alone. Not safe for use by several
/// threads at a time.
/// </remarks>
public sealed class TextEmbedder : IDisposable
{
    private readonly Gpt2Model _model;
    private readonly Tape _tape;

    /// <summary>An embedder over <paramref name="model"/>, which it does not own.</summary>
    /// <exception cref="InvalidDataException">The architecture has no such vectors.</exception>
    public TextEmbedder(ILanguageModel model, WorkerPool pool)
    {
        _model = model as Gpt2Model ?? throw new InvalidDataException("Only a GPT-2 style model can embed texts; use one.");
        _tape = new Tape(pool, recording: false);
    }

    /// <summary>C, the length of a vector.</summary>
    public int Dimensions => _model.Config.EmbeddingSize;

    /// <summary>The vector [C] of a text.</summary>
    /// <param name="ids">The text's tokens, from 1 to the context length.</param>
    /// <exception cref="InvalidDataException">There are none, or too many, or one lies outside the vocabulary.</exception>
    public float[] Embed(ReadOnlySpan<int> ids)
    {
        if (ids.IsEmpty || ids.Length > _model.ContextLength)
        {
            throw new InvalidDataException(
                $"The text has {ids.Length} tokens; this model embeds texts of 1 to {_model.ContextLength}.");
        }

        if (ids.ContainsAnyExceptInRange(0, _model.VocabularySize - 1))
        {
            throw new InvalidDataException($"The text has a token id outside the model's vocabulary of {_model.VocabularySize} tokens.");
        }

        _tape.Begin();
        ReadOnlySpan<float> hidden = _model.Hidden(_tape, ids, 1).Values;
        double[] sums = new double[Dimensions];
        for (int i = 0; i < hidden.Length; i++)
        {
            sums[i % sums.Length] += hidden[i];
        }

        int tokens = ids.Length;
        return Array.ConvertAll(sums, sum => (float)(sum / tokens));
    }

    /// <summary>Frees the activations.</summary>
    public void Dispose() => _tape.Dispose();
}
