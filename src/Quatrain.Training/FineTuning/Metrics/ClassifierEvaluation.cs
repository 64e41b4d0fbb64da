namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>
/// Everything a held-out test says about one classifier: temperature and threshold are chosen on validation texts, and test texts only measure.
/// </summary>
public sealed record ClassifierEvaluation
{
    private ClassifierEvaluation(IReadOnlyList<ScoredExample> testExamples, ClassificationMetrics validation, ClassificationMetrics test)
    {
        TestExamples = testExamples;
        Validation = validation;
        Test = test;
    }

    /// <summary>The classes' names, by index.</summary>
    public required IReadOnlyList<string> LabelNames { get; init; }

    /// <summary>The index of the class that is looked for, or null if all count alike.</summary>
    public int? PositiveClass { get; private init; }

    /// <summary>What logits are divided by, fitted on validation texts.</summary>
    public double Temperature { get; private init; }

    /// <summary>The threshold chosen for a wish; null if there was none and the most probable class is taken.</summary>
    public DecisionThreshold? Threshold { get; private init; }

    /// <summary>How probabilities become a class.</summary>
    public DecisionRule Rule => Threshold?.Rule ?? DecisionRule.MostProbable;

    /// <summary>The validation part, which also chose temperature and threshold, so it flatters a little.</summary>
    public ClassificationMetrics Validation { get; }

    /// <summary>The test part, which chose nothing.</summary>
    public ClassificationMetrics Test { get; }

    /// <summary>The test texts with their logits.</summary>
    public IReadOnlyList<ScoredExample> TestExamples { get; }

    /// <summary>The class whose probability is drawn: the positive one, or the second of two; null of several that count alike.</summary>
    public int? ShownClass => PositiveClass ?? (LabelNames.Count == 2 ? 1 : null);

    /// <summary>Fits temperature and threshold on one part and measures on both.</summary>
    /// <param name="validation">The validation part; not empty if a threshold is asked for.</param>
    /// <param name="test">The test part.</param>
    /// <param name="labelNames">The classes' names, by index.</param>
    /// <param name="positiveClass">The index of the class that is looked for, or null if all count alike.</param>
    /// <param name="maxFalsePositiveRate">The largest false-positive rate allowed on validation texts, or null for the most probable class. Needs a positive class.</param>
    /// <exception cref="InvalidDataException">A logit is not finite, or the validation part has no text of another class to choose a threshold by.</exception>
    public static ClassifierEvaluation Compute(
        IReadOnlyList<ScoredExample> validation,
        IReadOnlyList<ScoredExample> test,
        IReadOnlyList<string> labelNames,
        int? positiveClass = null,
        double? maxFalsePositiveRate = null)
    {
        ArgumentNullException.ThrowIfNull(labelNames);
        ScoredExample.RequireValid(validation, labelNames.Count);
        if (maxFalsePositiveRate is not null && positiveClass is null)
        {
            throw new ArgumentException("A false-positive rate needs a positive class.", nameof(maxFalsePositiveRate));
        }

        double temperature = Calibration.FitTemperature(validation);
        DecisionThreshold? threshold = maxFalsePositiveRate is { } rate
            ? DecisionThreshold.ForMaxFalsePositiveRate(validation, positiveClass!.Value, rate, temperature)
            : null;
        DecisionRule rule = threshold?.Rule ?? DecisionRule.MostProbable;
        return new(
            test,
            ClassificationMetrics.Compute(validation, labelNames, temperature, rule, positiveClass),
            ClassificationMetrics.Compute(test, labelNames, temperature, rule, positiveClass))
        {
            LabelNames = labelNames,
            PositiveClass = positiveClass,
            Temperature = temperature,
            Threshold = threshold,
        };
    }

    /// <summary>The calibrated probabilities of a text's classes.</summary>
    public double[] Probabilities(ScoredExample example) => ClassProbabilities.Softmax(example.Logits, Temperature);

    /// <summary>The class a text is taken for.</summary>
    public int Decide(ScoredExample example) => Rule.Decide(Probabilities(example));

    /// <summary>The test texts it got wrong, the surest first, equals in the order of the texts; at most <paramref name="most"/>.</summary>
    public IReadOnlyList<Mistake> Mistakes(int most) =>
    [
        .. TestExamples
            .Select(example => (Example: example, Probabilities: Probabilities(example)))
            .Select(answer => (answer.Example, answer.Probabilities, Predicted: Rule.Decide(answer.Probabilities)))
            .Where(answer => answer.Predicted != answer.Example.Label)
            .Select(answer => new Mistake(answer.Example.Text, answer.Example.Label, answer.Predicted, answer.Probabilities[answer.Predicted]))
            .OrderByDescending(mistake => mistake.Probability)
            .Take(most),
    ];
}
