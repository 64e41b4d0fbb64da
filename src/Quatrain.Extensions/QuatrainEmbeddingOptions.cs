using Quatrain.Tensors;

namespace Quatrain.Extensions;

/// <summary>How a <see cref="QuatrainEmbeddingGenerator"/> opens its model, and what it does with long texts.</summary>
public sealed class QuatrainEmbeddingOptions
{
    /// <summary>Worker threads; 0 means one for each physical core. Vectors are the same for any number.</summary>
    public int Threads { get; set; }

    /// <summary>What the weights are held as; null for what the file has.</summary>
    public WeightFormat? Weights { get; set; }

    /// <summary>Whether of a text longer than the context only the beginning counts; where not, such a text is refused.</summary>
    public bool TruncateLongTexts { get; set; }
}
