namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>How well one class is found.</summary>
/// <param name="Name">The class.</param>
/// <param name="Support">The texts of the class.</param>
/// <param name="Predicted">The texts taken for it.</param>
/// <param name="TruePositives">The texts that are both.</param>
/// <remarks>A ratio of nothing to nothing is null.</remarks>
public sealed record ClassMetrics(string Name, int Support, int Predicted, int TruePositives)
{
    /// <summary>The share of the texts taken for the class that are of it; null if none was taken for it.</summary>
    public double? Precision => Predicted == 0 ? null : (double)TruePositives / Predicted;

    /// <summary>The share of the texts of the class that were taken for it; null if there is none.</summary>
    public double? Recall => Support == 0 ? null : (double)TruePositives / Support;

    /// <summary>2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; null if the class neither occurs nor was predicted.</summary>
    public double? F1 => Support + Predicted == 0 ? null : 2.0 * TruePositives / (Support + Predicted);
}
