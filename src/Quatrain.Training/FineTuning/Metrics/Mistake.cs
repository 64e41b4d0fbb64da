namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>A text that a classifier got wrong.</summary>
/// <param name="Text">The text.</param>
/// <param name="Label">The index of its true class.</param>
/// <param name="Predicted">The index of the class it was taken for.</param>
/// <param name="Probability">The calibrated probability of the class it was taken for.</param>
public sealed record Mistake(string Text, int Label, int Predicted, double Probability);
