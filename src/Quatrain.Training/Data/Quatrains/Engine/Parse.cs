namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>All derivations of one text, summed.</summary>
/// <param name="DerivationCount">How many there are; 0 where the text is not of the language.</param>
/// <param name="NegativeLogProbability">-log of the text's probability, in nats; 0 where there is no derivation.</param>
internal readonly record struct Parse(long DerivationCount, double NegativeLogProbability);
