namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>One way through a rule.</summary>
/// <param name="Text">What it writes.</param>
/// <param name="Probability">The product of its choices' probabilities.</param>
/// <param name="Registers">What it remembers at the end.</param>
internal readonly record struct Derivation(string Text, double Probability, Registers Registers);
