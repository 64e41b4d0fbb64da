namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>A threshold that was chosen on validation texts so that few texts of other classes are taken for the positive class.</summary>
/// <param name="PositiveClass">The index of the class whose probability is compared.</param>
/// <param name="Value">The threshold; above 1 where no text may be called positive.</param>
/// <param name="Wish">The largest false-positive rate that was asked for.</param>
/// <param name="Negatives">The validation texts of other classes.</param>
/// <param name="FalsePositives">How many of them reach the threshold.</param>
/// <param name="Positives">The validation texts of the positive class.</param>
/// <param name="TruePositives">How many of them reach the threshold.</param>
public sealed record DecisionThreshold(
    int PositiveClass, double Value, double Wish, int Negatives, int FalsePositives, int Positives, int TruePositives)
{
    /// <summary>The share of the negatives that is taken for positive.</summary>
    public double FalsePositiveRate => (double)FalsePositives / Negatives;

    /// <summary>The share of the positives that is found; null if there were none.</summary>
    public double? Recall => Positives == 0 ? null : (double)TruePositives / Positives;

    /// <summary>Where the false-positive rate of new texts probably lies: the 95 % interval that so many negatives allow.</summary>
    public ShareInterval FalsePositiveRateInterval => ShareInterval.Wilson(FalsePositives, Negatives);

    /// <summary>The rule that applies this threshold.</summary>
    public DecisionRule Rule => DecisionRule.ByThreshold(PositiveClass, Value);

    /// <summary>
    /// The smallest threshold on the calibrated probability of <paramref name="positiveClass"/> with a false-positive rate of at most
    /// <paramref name="rate"/> on <paramref name="validation"/>, and so with the largest recall.
    /// </summary>
    /// <remarks>
    /// Every value between two neighbouring probabilities seen decides the validation texts alike; the threshold is halfway between them. Texts of one
    /// probability fall on one side together, so fewer false positives than allowed may remain. If all negatives may be taken for positive, it is 0.
    /// </remarks>
    /// <exception cref="InvalidDataException">No validation text is of another class.</exception>
    public static DecisionThreshold ForMaxFalsePositiveRate(
        IReadOnlyList<ScoredExample> validation, int positiveClass, double rate, double temperature)
    {
        ArgumentNullException.ThrowIfNull(validation);
        if (!(rate is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A false-positive rate lies between 0 and 1.");
        }

        double[] positives = Probabilities(validation.Where(example => example.Label == positiveClass));
        double[] negatives = Probabilities(validation.Where(example => example.Label != positiveClass));
        if (negatives.Length == 0)
        {
            throw new InvalidDataException(
                "No false-positive rate can be kept: the validation part holds only texts of the positive class; give it texts of other classes.");
        }

        int allowed = (int)Math.Floor(rate * negatives.Length);
        // Rounding in the product must neither cost a false positive nor grant one.
        allowed += allowed < negatives.Length && (double)(allowed + 1) / negatives.Length <= rate ? 1 : 0;
        allowed -= (double)allowed / negatives.Length > rate ? 1 : 0;
        double value = allowed == negatives.Length ? 0 : JustAbove(negatives[^(allowed + 1)], [.. positives, .. negatives]);
        return new(
            positiveClass, value, rate,
            negatives.Length, negatives.Count(probability => probability >= value),
            positives.Length, positives.Count(probability => probability >= value));

        double[] Probabilities(IEnumerable<ScoredExample> examples) =>
            [.. examples.Select(example => ClassProbabilities.Softmax(example.Logits, temperature)[positiveClass]).Order()];
    }

    // Halfway to the next probability seen, or to 1; the next double at least, so that the one below stays below.
    private static double JustAbove(double below, double[] seen)
    {
        double next = seen.Where(probability => probability > below).DefaultIfEmpty(1).Min();
        return Math.Max(below + (next - below) / 2, Math.BitIncrement(below));
    }
}
