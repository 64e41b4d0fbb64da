namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>A point of a ROC curve.</summary>
/// <param name="FalsePositiveRate">The share of the negatives at or above some score.</param>
/// <param name="TruePositiveRate">The share of the positives at or above it.</param>
public readonly record struct RocPoint(double FalsePositiveRate, double TruePositiveRate);

/// <summary>How one class is told from the rest at every threshold.</summary>
/// <param name="PositiveClass">The index of the class.</param>
/// <param name="Points">From (0, 0) to (1, 1), one for each score seen; none if <paramref name="Auc"/> is null.</param>
/// <param name="Auc">The area below the curve; null where the class or the rest has no text.</param>
public sealed record RocCurve(int PositiveClass, RocPoint[] Points, double? Auc)
{
    /// <summary>The curve of <paramref name="examples"/>, sorted by the log-odds of <paramref name="positiveClass"/>.</summary>
    /// <remarks>
    /// The area is the Mann-Whitney statistic: of all pairs of a positive and a negative, the share in which the positive scores higher, a tie counting one half.
    /// Of two classes it doesn't depend on the temperature.
    /// </remarks>
    public static RocCurve Compute(IReadOnlyList<ScoredExample> examples, int positiveClass, double temperature = 1)
    {
        ArgumentNullException.ThrowIfNull(examples);
        int positives = examples.Count(example => example.Label == positiveClass), negatives = examples.Count - positives;
        if (positives == 0 || negatives == 0)
        {
            return new(positiveClass, [], null);
        }

        (double Score, bool IsPositive)[] scored =
        [
            .. examples
                .Select(example => (ClassProbabilities.LogOdds(example.Logits, positiveClass, temperature), example.Label == positiveClass))
                .OrderByDescending(pair => pair.Item1),
        ];
        List<RocPoint> points = [new(0, 0)];
        // Twice the pairs won, so that ties stay whole numbers.
        long truePositives = 0, falsePositives = 0, wonTwice = 0;
        for (int i = 0; i < scored.Length;)
        {
            int tiedPositives = 0, tiedNegatives = 0;
            for (double score = scored[i].Score; i < scored.Length && scored[i].Score == score; i++)
            {
                tiedPositives += scored[i].IsPositive ? 1 : 0;
                tiedNegatives += scored[i].IsPositive ? 0 : 1;
            }

            wonTwice += tiedNegatives * (2 * truePositives + tiedPositives);
            truePositives += tiedPositives;
            falsePositives += tiedNegatives;
            points.Add(new((double)falsePositives / negatives, (double)truePositives / positives));
        }

        return new(positiveClass, [.. points], wonTwice / (2.0 * positives * negatives));
    }
}
