namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>The texts whose predicted class got a probability in (Low, High].</summary>
/// <param name="Low">The lower end, not included.</param>
/// <param name="High">The upper end, included.</param>
/// <param name="Count">The number of texts.</param>
/// <param name="Confidence">The mean probability of their predicted classes; 0 without texts.</param>
/// <param name="Accuracy">The share predicted right; 0 without texts.</param>
public sealed record ReliabilityBin(double Low, double High, int Count, double Confidence, double Accuracy);
