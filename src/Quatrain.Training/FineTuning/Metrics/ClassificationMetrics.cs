namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>What a classifier's answers on one part of the data are worth.</summary>
/// <remarks>A measure that is not defined for these texts is null, never NaN; means over classes leave out those for which it is null.</remarks>
public sealed record ClassificationMetrics
{
    private ClassificationMetrics(ConfusionMatrix confusion, ClassMetrics[] classes, RocCurve[] rocCurves, ReliabilityBin[] bins)
    {
        Confusion = confusion;
        Classes = classes;
        RocCurves = rocCurves;
        Reliability = bins;
    }

    /// <summary>How often each class was taken for each.</summary>
    public ConfusionMatrix Confusion { get; }

    /// <summary>One entry a class.</summary>
    public ClassMetrics[] Classes { get; }

    /// <summary>The curve of the positive class; without one, of the second of two classes, or of every class against the rest.</summary>
    public RocCurve[] RocCurves { get; }

    /// <summary>Confidence and accuracy of the most probable class, at the temperature.</summary>
    public ReliabilityBin[] Reliability { get; }

    /// <summary>The index of the class that is looked for, if there is one.</summary>
    public int? PositiveClass { get; private init; }

    /// <summary>The texts.</summary>
    public int Count => Confusion.Total;

    /// <summary>The share of texts that are right; null without texts.</summary>
    public double? Accuracy => Count == 0 ? null : (double)Confusion.Correct / Count;

    /// <summary>The 95 % interval of the accuracy.</summary>
    public ShareInterval AccuracyInterval => ShareInterval.Wilson(Confusion.Correct, Count);

    /// <summary>Precision of the positive class, or the mean over classes where there is none.</summary>
    public double? Precision => PositiveClass is { } positive ? Classes[positive].Precision : Mean(Classes.Select(entry => entry.Precision));

    /// <summary>Recall of the positive class, or the mean over classes.</summary>
    public double? Recall => PositiveClass is { } positive ? Classes[positive].Recall : Mean(Classes.Select(entry => entry.Recall));

    /// <summary>F1 of the positive class, or the mean over classes.</summary>
    public double? F1 => PositiveClass is { } positive ? Classes[positive].F1 : MacroF1;

    /// <summary>The mean over classes of F1.</summary>
    public double? MacroF1 => Mean(Classes.Select(entry => entry.F1));

    /// <summary>The share of the other classes' texts that were taken for the positive class; null without a positive class or such texts.</summary>
    public double? FalsePositiveRate => PositiveClass is { } positive && Count > Classes[positive].Support
        ? (double)(Classes[positive].Predicted - Classes[positive].TruePositives) / (Count - Classes[positive].Support)
        : null;

    /// <summary>The area under the ROC curve; the mean over classes against the rest where there are several curves.</summary>
    public double? RocAuc => Mean(RocCurves.Select(curve => curve.Auc));

    /// <summary>The mean of -log p(true class) at the temperature, in nats.</summary>
    public double? LogLoss { get; private init; }

    /// <summary>The same at temperature 1.</summary>
    public double? UncalibratedLogLoss { get; private init; }

    /// <summary>
    /// The Brier score: the mean squared error of the probabilities at the temperature, of one class where there are two (so in [0, 1]),
    /// else summed over the classes (in [0, 2]).
    /// </summary>
    public double? Brier { get; private init; }

    /// <summary>The expected calibration error at the temperature.</summary>
    public double? CalibrationError { get; private init; }

    /// <summary>The same at temperature 1.</summary>
    public double? UncalibratedCalibrationError { get; private init; }

    /// <summary>Measures the answers that <paramref name="rule"/> gives on <paramref name="examples"/>.</summary>
    /// <param name="examples">The texts with their logits.</param>
    /// <param name="labelNames">The classes' names, by index.</param>
    /// <param name="temperature">What logits are divided by.</param>
    /// <param name="rule">How probabilities become a class.</param>
    /// <param name="positiveClass">The index of the class that is looked for, or null if all count alike.</param>
    /// <exception cref="ArgumentException">An example does not fit the classes.</exception>
    /// <exception cref="InvalidDataException">A logit is not finite.</exception>
    public static ClassificationMetrics Compute(
        IReadOnlyList<ScoredExample> examples, IReadOnlyList<string> labelNames, double temperature, DecisionRule rule, int? positiveClass = null)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(labelNames);
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        ScoredExample.RequireValid(examples, labelNames.Count);
        if (positiveClass is { } chosen)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)chosen, (uint)labelNames.Count, nameof(positiveClass));
        }

        ConfusionMatrix confusion = new(labelNames.Count);
        double logLoss = 0, uncalibratedLogLoss = 0, squaredError = 0;
        foreach (ScoredExample example in examples)
        {
            double[] probabilities = ClassProbabilities.Softmax(example.Logits, temperature);
            confusion.Add(example.Label, rule.Decide(probabilities));
            logLoss += ClassProbabilities.NegativeLogLikelihood(example.Logits, example.Label, temperature);
            uncalibratedLogLoss += ClassProbabilities.NegativeLogLikelihood(example.Logits, example.Label);
            probabilities[example.Label] -= 1;
            squaredError += probabilities.Sum(error => error * error) / (labelNames.Count == 2 ? 2 : 1);
        }

        int[] curves = positiveClass is { } positive ? [positive] : labelNames.Count == 2 ? [1] : [.. Enumerable.Range(0, labelNames.Count)];
        ReliabilityBin[] bins = Calibration.ReliabilityBins(examples, temperature);
        bool isEmpty = examples.Count == 0;
        return new(
            confusion,
            [.. labelNames.Select((name, i) => new ClassMetrics(name, confusion.CountOf(i), confusion.CountPredicted(i), confusion[i, i]))],
            [.. curves.Select(curve => RocCurve.Compute(examples, curve, temperature))],
            bins)
        {
            PositiveClass = positiveClass,
            LogLoss = isEmpty ? null : logLoss / examples.Count,
            UncalibratedLogLoss = isEmpty ? null : uncalibratedLogLoss / examples.Count,
            Brier = isEmpty ? null : squaredError / examples.Count,
            CalibrationError = isEmpty ? null : Calibration.ExpectedCalibrationError(bins),
            UncalibratedCalibrationError = isEmpty ? null : Calibration.ExpectedCalibrationError(examples, temperature: 1),
        };
    }

    private static double? Mean(IEnumerable<double?> values) => values.Average();
}
