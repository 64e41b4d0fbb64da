using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Gpt2;

/// <summary>The sizes and options of a GPT-2 model. Immutable; <see cref="Validate"/> says whether it can be built.</summary>
public sealed record Gpt2Config
{
    /// <summary>L: transformer blocks.</summary>
    public required int LayerCount { get; init; }

    /// <summary>H: attention heads of a block.</summary>
    public required int HeadCount { get; init; }

    /// <summary>C: the width of a token's vector.</summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>The most tokens the model looks at.</summary>
    public required int ContextLength { get; init; }

    /// <summary>V: the number of different tokens.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Whether linear layers and layer norms have biases: yes in GPT-2, no in nanoGPT's character models.</summary>
    public bool Bias { get; init; } = true;

    /// <summary>Between the two layers of the feed-forward network: GELU by tanh in GPT-2, exact in nanoGPT.</summary>
    public Activation Activation { get; init; } = Activation.GeluTanh;

    /// <summary>Whether the output head is the token embedding.</summary>
    public bool TieEmbeddings { get; init; } = true;

    /// <summary>The dropout rate after the embeddings.</summary>
    public float EmbeddingDropout { get; init; }

    /// <summary>The dropout rate on attention probabilities.</summary>
    public float AttentionDropout { get; init; }

    /// <summary>The dropout rate at the end of each branch, before it joins the residual stream.</summary>
    public float ResidualDropout { get; init; }

    /// <summary>Added to the variance in layer norms.</summary>
    public float LayerNormEpsilon { get; init; } = 1e-5f;

    /// <summary>D = C / H.</summary>
    public int HeadSize => EmbeddingSize / HeadCount;

    /// <summary>The number of weights, by arithmetic; a test holds it against the model.</summary>
    public long ParameterCount
    {
        get
        {
            long c = EmbeddingSize, biases = Bias ? 1 : 0;
            long norm = c * (1 + biases);
            long block = 2 * norm + (12 * c * c) + (9 * c * biases);
            long head = TieEmbeddings ? 0 : VocabularySize * c;
            return (VocabularySize + (long)ContextLength) * c + LayerCount * block + norm + head;
        }
    }

    /// <summary>Checks that such a model can be built.</summary>
    /// <exception cref="InvalidDataException">It can't; the message names the field.</exception>
    public void Validate()
    {
        Positive(LayerCount, "n_layer", 1_000);
        Positive(HeadCount, "n_head", 10_000);
        Positive(EmbeddingSize, "n_embd", 100_000);
        Positive(ContextLength, "n_positions", 10_000_000);
        Positive(VocabularySize, "vocab_size", 100_000_000);
        if (EmbeddingSize % HeadCount != 0)
        {
            throw new InvalidDataException(
                $"The model's n_embd of {EmbeddingSize} is not a multiple of its n_head of {HeadCount}; each head takes an equal share of the width.");
        }

        Rate(EmbeddingDropout, "embd_pdrop");
        Rate(AttentionDropout, "attn_pdrop");
        Rate(ResidualDropout, "resid_pdrop");
        if (!(LayerNormEpsilon > 0 && LayerNormEpsilon < 1))
        {
            throw new InvalidDataException($"The model's layer_norm_epsilon of {LayerNormEpsilon} is not a small positive number such as 1e-5.");
        }

        if ((long)VocabularySize * EmbeddingSize > int.MaxValue || (long)ContextLength * EmbeddingSize > int.MaxValue || 4L * EmbeddingSize * EmbeddingSize > int.MaxValue)
        {
            throw new InvalidDataException("The model has a weight matrix of more than 2,147,483,647 elements; make n_embd, vocab_size or n_positions smaller.");
        }
    }

    /// <summary>The same for a configuration that was read from the file at <paramref name="path"/>, which the message then names.</summary>
    internal void ValidateIn(string path)
    {
        try
        {
            Validate();
        }
        catch (InvalidDataException error)
        {
            string problem = $"{char.ToLowerInvariant(error.Message[0])}{error.Message[1..]}";
            throw new InvalidDataException($"Cannot use '{path}': {problem}", error);
        }
    }

    private static void Positive(int value, string name, int limit)
    {
        if (value < 1 || value > limit)
        {
            throw new InvalidDataException($"The model's {name} is {value}; it must lie between 1 and {limit:N0}.");
        }
    }

    private static void Rate(float value, string name)
    {
        if (!(value >= 0 && value < 1))
        {
            throw new InvalidDataException($"The model's {name} is {value}; a dropout rate lies between 0 and 1, 1 not included.");
        }
    }
}
