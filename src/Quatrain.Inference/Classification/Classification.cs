namespace Quatrain.Inference.Classification;

/// <summary>What a classifier makes of a text.</summary>
/// <param name="Label">The class.</param>
/// <param name="Probability">How likely the classifier thinks that class.</param>
/// <param name="Probabilities">The probability of each class, in the order of <see cref="TextClassifier.Labels"/>.</param>
/// <param name="IsTruncated">Whether the text has more tokens than the classifier reads, so that its end was not looked at.</param>
public sealed record Classification(string Label, double Probability, IReadOnlyList<double> Probabilities, bool IsTruncated);
