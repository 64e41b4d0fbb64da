namespace Quatrain.Training.Data.Quatrains;

/// <summary>What the grammar reads in one verse.</summary>
/// <param name="NegativeLogProbability">-log of the verse's probability, its blank line included, in nats.</param>
/// <param name="EndWords">The last words of its four lines.</param>
public sealed record VerseReading(double NegativeLogProbability, IReadOnlyList<string> EndWords);
