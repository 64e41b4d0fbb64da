namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>How class probabilities become one class.</summary>
public sealed record DecisionRule
{
    private DecisionRule(int? positiveClass, double threshold)
    {
        PositiveClass = positiveClass;
        Threshold = threshold;
    }

    /// <summary>The most probable class, the first of equals.</summary>
    public static DecisionRule MostProbable { get; } = new(null, 0);

    /// <summary>The class that is chosen by the threshold, or null where the most probable one is chosen.</summary>
    public int? PositiveClass { get; }

    /// <summary>The least probability at which <see cref="PositiveClass"/> is chosen.</summary>
    public double Threshold { get; }

    /// <summary>The positive class if its probability is at least <paramref name="threshold"/>, else the most probable of the others.</summary>
    public static DecisionRule ByThreshold(int positiveClass, double threshold)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(positiveClass);
        ArgumentOutOfRangeException.ThrowIfNegative(threshold);
        return new(positiveClass, threshold);
    }

    /// <summary>The class chosen for calibrated <paramref name="probabilities"/>, one a class.</summary>
    public int Decide(ReadOnlySpan<double> probabilities)
    {
        if (PositiveClass is not { } positive)
        {
            return ClassProbabilities.ArgMax(probabilities);
        }

        if (probabilities[positive] >= Threshold)
        {
            return positive;
        }

        int best = positive == 0 ? 1 : 0;
        for (int i = best + 1; i < probabilities.Length; i++)
        {
            best = i != positive && probabilities[i] > probabilities[best] ? i : best;
        }

        return best;
    }
}
