using Quatrain.Tensors;

namespace Quatrain.Inference.Classification;

/// <summary>How a classifier is loaded.</summary>
public sealed record TextClassifierOptions
{
    /// <summary>The most threads that work at a time on one call; 0 for one on each physical core.</summary>
    public int Threads { get; set; }

    /// <summary>How the weights are held, or null for what the file has.</summary>
    public WeightFormat? Weights { get; set; }

    /// <summary>The model that a classifier made of adapters was trained on, where it is not the one that it names; null elsewhere.</summary>
    public string? BaseModel { get; set; }

    /// <summary>
    /// The probability, above 0 and below 1, from which on the class that is looked for is chosen, in place of the likeliest class or of the threshold that training chose. For
    /// classifiers of two classes, and those of more that were trained with a threshold.
    /// </summary>
    public double? Threshold { get; set; }
}
