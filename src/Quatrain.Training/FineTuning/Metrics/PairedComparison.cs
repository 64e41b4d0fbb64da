namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>Two classifiers on the same texts: how often only one of them is right.</summary>
/// <param name="OnlyFirst">The texts that only the first gets right.</param>
/// <param name="OnlySecond">The texts that only the second gets right.</param>
public sealed record PairedComparison(int OnlyFirst, int OnlySecond)
{
    /// <summary>
    /// The exact two-sided McNemar test: how probable a difference at least this large is if both are equally good.
    /// </summary>
    /// <remarks>
    /// If so, each text that only one gets right is a fair coin's throw. Source: McNemar, "Note on the sampling error of the difference between correlated
    /// proportions or percentages", 1947.
    /// </remarks>
    public double PValue
    {
        get
        {
            int throws = OnlyFirst + OnlySecond;
            // The terms n over k / 2^n from k = 0 up, as logarithms: 2^-n itself may be too small for a double.
            double logTerm = -throws * Math.Log(2), tail = 0;
            for (int k = 0; k <= Math.Min(OnlyFirst, OnlySecond); k++)
            {
                tail += Math.Exp(logTerm);
                logTerm += Math.Log((double)(throws - k) / (k + 1));
            }

            return Math.Min(1, 2 * tail);
        }
    }

    /// <summary>Compares the answers of two classifiers, which must list the same texts in the same order.</summary>
    /// <exception cref="ArgumentException">The texts or labels differ.</exception>
    public static PairedComparison Compute(ClassifierEvaluation first, ClassifierEvaluation second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        if (!first.TestExamples.Select(example => (example.Text, example.Label)).SequenceEqual(second.TestExamples.Select(example => (example.Text, example.Label))))
        {
            throw new ArgumentException("Only classifiers that answered the same texts, in the same order, can be compared.", nameof(second));
        }

        int onlyFirst = 0, onlySecond = 0;
        foreach ((ScoredExample one, ScoredExample other) in first.TestExamples.Zip(second.TestExamples))
        {
            bool isFirstRight = first.Decide(one) == one.Label, isSecondRight = second.Decide(other) == other.Label;
            onlyFirst += isFirstRight && !isSecondRight ? 1 : 0;
            onlySecond += isSecondRight && !isFirstRight ? 1 : 0;
        }

        return new(onlyFirst, onlySecond);
    }
}
