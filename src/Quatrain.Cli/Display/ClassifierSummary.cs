using System.Globalization;
using Quatrain.Cli.Hosting;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.FineTuning.Report;

namespace Quatrain.Cli.Display;

/// <summary>What a person reads when a classifier is made.</summary>
internal static class ClassifierSummary
{
    public static void Write(TextWriter output, ClassifierReport report, ClassifierTraining training, string page)
    {
        ClassifierEvaluation evaluation = report.Evaluation;
        ClassificationMetrics test = evaluation.Test;
        string folder = training.Folder.Path.Contains(' ', StringComparison.Ordinal) ? $"\"{training.Folder.Path}\"" : training.Folder.Path;
        output.WriteLine();
        output.WriteLine(Invariant($"Test part, {test.Count:N0} texts the classifier has not seen:"));
        output.WriteLine(Invariant($"  accuracy   {Share(test.Accuracy)} (95 % interval {test.AccuracyInterval.Low:P1} to {test.AccuracyInterval.High:P1})"));
        string of = evaluation.PositiveClass is { } positive ? $" of '{evaluation.LabelNames[positive]}'" : ", mean of the classes";
        output.WriteLine(Invariant($"  precision  {Share(test.Precision)}, recall {Share(test.Recall)}, F1 {Number(test.F1)}{of}"));
        output.WriteLine(Invariant($"  ROC AUC    {Number(test.RocAuc)}"));
        if (report.Baseline is { } baseline)
        {
            output.WriteLine(Invariant($"  beside it  {baseline.Name}: accuracy {Share(baseline.Evaluation.Test.Accuracy)}, F1 {Number(baseline.Evaluation.Test.F1)}, trained in {baseline.Seconds:F1} s"));
        }

        if (evaluation.Threshold is { } threshold)
        {
            output.WriteLine(Invariant($"'{evaluation.LabelNames[threshold.PositiveClass]}' is chosen from probability {threshold.Value:F3} on: of {threshold.Negatives:N0} other validation texts {threshold.FalsePositives:N0} are taken for it ({threshold.FalsePositiveRate:P2}), and {Share(threshold.Recall)} of its own are found."));
        }

        if (report.Training.PrefixCache is { EpochSpeedup: { } speedup } cache)
        {
            output.WriteLine(Invariant($"The frozen layers' results were kept ({cache.Bytes / 1048576.0:F1} MB, {cache.FillSeconds:F1} s to compute): an epoch is {speedup:F1} times as fast."));
        }

        output.WriteLine(Invariant($"Best after {report.Training.BestEpoch:0.##} epochs; {report.Training.Seconds:F1} s in all, {report.Training.ExamplesPerSecond:N0} texts/s."));
        output.WriteLine();
        output.WriteLine("What to try next:");
        output.WriteLine($"  {ProgramName.Value} classify {folder} \"a text\"");
        output.WriteLine($"  {ProgramName.Value} classify {folder} --input texts.csv --output labelled.csv");
        output.WriteLine();
        output.WriteLine($"Report: {page}");
    }

    private static string Share(double? share) => share is { } value ? value.ToString("P2", CultureInfo.InvariantCulture) : "undefined";

    private static string Number(double? number) => number is { } value ? value.ToString("F4", CultureInfo.InvariantCulture) : "undefined";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
