using System.Diagnostics;
using Quatrain.Training.FineTuning.Data;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.FineTuning.Baselines;

/// <summary>What a logistic regression on character n-grams makes of the same parts: what a large model must do better than to be worth its cost.</summary>
public static class NgramBaseline
{
    /// <summary>What it is, in words.</summary>
    public const string Name = "logistic regression on character n-grams";

    /// <summary>Trains one and measures it as the classifier was.</summary>
    /// <param name="split">The parts.</param>
    /// <param name="classifier">What it is compared with.</param>
    /// <param name="maxFalsePositiveRate">The wish that the classifier's threshold was chosen for, or null.</param>
    /// <param name="cancellation">Ends the training.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static (ClassifierEvaluation Evaluation, double Seconds) Evaluate(
        DataSplit split, ClassifierEvaluation classifier, double? maxFalsePositiveRate, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(split);
        ArgumentNullException.ThrowIfNull(classifier);
        long start = Stopwatch.GetTimestamp();
        NgramLogisticRegression model = NgramLogisticRegression.Train(split.Training, split.Validation, split.Labels.Count, cancellation);
        ClassifierEvaluation evaluation = ClassifierEvaluation.Compute(
            Scored(model, split.Validation), Scored(model, split.Test), split.Labels, classifier.PositiveClass, maxFalsePositiveRate);
        return (evaluation, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static ScoredExample[] Scored(NgramLogisticRegression model, IReadOnlyList<(string Text, int Label)> texts) =>
        [.. texts.Select(text => new ScoredExample(text.Text, text.Label, [.. model.Logits(text.Text).Select(logit => (float)logit)]))];
}
