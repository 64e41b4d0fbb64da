using System.CommandLine;
using System.Globalization;
using Quatrain.Cli.Hosting;
using Quatrain.Inference.Classification;
using Quatrain.Training.FineTuning.Data;
using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.FineTuning.Report;

namespace Quatrain.Cli.Commands;

/// <summary>How many texts of a labelled file a classifier gets right: what <c>quatrain classify --label-column</c> tells.</summary>
internal static class ClassifierScore
{
    private const int TextsAtOnce = 4096;

    // The log of no probability at all would not be a number to calculate with.
    private const double LeastProbability = 1e-300;

    /// <exception cref="InvalidDataException">The file can't be used, or has a label that the classifier does not know.</exception>
    public static void Run(ParseResult parsed, TextClassifier classifier, string file, LabeledTextOptions columns, CancellationToken cancellation)
    {
        LabeledTexts texts = LabeledTextFile.Load(file, columns);
        IReadOnlyList<(string Text, int Label)> labelled = texts.NumberedBy(classifier.Labels);
        List<ScoredExample> scored = [];
        foreach ((string Text, int Label)[] chunk in labelled.Chunk(TextsAtOnce))
        {
            int before = scored.Count;
            IReadOnlyList<Classification> results = classifier.ClassifyAll([.. chunk.Select(text => text.Text)], i => texts.Where(file, before + i), cancellation);
            scored.AddRange(chunk.Zip(results, (text, result) => new ScoredExample(
                text.Text, text.Label, [.. result.Probabilities.Select(probability => (float)Math.Log(Math.Max(probability, LeastProbability)))])));
        }

        ClassThreshold? threshold = classifier.Settings.Threshold;
        DecisionRule rule = threshold is null ? DecisionRule.MostProbable : DecisionRule.ByThreshold(threshold.Label, threshold.Probability);
        ClassificationMetrics metrics = ClassificationMetrics.Compute(scored, classifier.Labels, temperature: 1, rule, threshold?.Label);
        if (texts.EmptyTexts > 0)
        {
            parsed.InvocationConfiguration.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"warning: {texts.EmptyTexts:N0} rows have no text and are left out."));
        }

        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer =>
            {
                writer.WritePropertyName("test");
                ReportJson.WriteMetrics(writer, metrics);
            });
            return;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"accuracy   {metrics.Accuracy:P2} of {metrics.Count:N0} texts (95 % interval {metrics.AccuracyInterval.Low:P1} to {metrics.AccuracyInterval.High:P1})"));
        foreach (ClassMetrics label in metrics.Classes)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{label.Name}: {label.Support:N0} texts, precision {Share(label.Precision)}, recall {Share(label.Recall)}, F1 {Share(label.F1)}"));
        }
    }

    private static string Share(double? share) => share is { } value ? value.ToString("P2", CultureInfo.InvariantCulture) : "undefined";
}
