using Quatrain.Training.FineTuning.Metrics;
using static Quatrain.Training.FineTuning.Report.ReportNumbers;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>What a reader wants to know first: how good it is, how sure that is, and whether something simpler would do.</summary>
internal static class VerdictSection
{
    // Below this chance, a difference counts as one.
    private const double Significance = 0.05;

    public static void Append(HtmlBuilder html, ClassifierReport report)
    {
        ClassifierEvaluation evaluation = report.Evaluation;
        ClassificationMetrics test = evaluation.Test;
        html.AppendLine($"""
            <section class="card verdict" aria-label="Verdict">
            <dl class="scores">
            <div><dt>accuracy on the test part</dt><dd>{Percent(test.Accuracy)}</dd></div>
            <div><dt>F1 {MeasureOf(evaluation)}</dt><dd>{Ratio(test.F1)}</dd></div>
            <div><dt>ROC-AUC</dt><dd>{Ratio(test.RocAuc)}</dd></div>
            """);
        if (report.Baseline is { } beside)
        {
            html.AppendLine($"<div><dt>baseline’s accuracy</dt><dd>{Percent(beside.Evaluation.Test.Accuracy)}</dd></div>");
        }

        html.AppendLine($"</dl>");
        AppendAccuracy(html, report);
        if (report.Baseline is { } baseline)
        {
            AppendComparison(html, report, baseline);
        }

        html.AppendLine($"</section>");
    }

    /// <summary>Whose precision, recall and F1 are shown.</summary>
    public static string MeasureOf(ClassifierEvaluation evaluation) =>
        evaluation.PositiveClass is { } positive ? $"of “{evaluation.LabelNames[positive]}”" : "(mean over classes)";

    /// <summary>How many texts are not as new to a part as its others.</summary>
    public static string Duplicates(DataSummary data) =>
        $"{Count(data.DuplicatesAcrossParts, "text lies", "different texts lie")} in more than one part";

    private static void AppendAccuracy(HtmlBuilder html, ClassifierReport report)
    {
        ClassificationMetrics test = report.Evaluation.Test;
        if (test.Count == 0)
        {
            html.AppendLine($"<p>The test part is empty, so nothing is known of new texts.</p>");
            return;
        }

        ClassMetrics commonest = test.Classes.MaxBy(entry => entry.Support)!;
        html.AppendLine($"""
            <p>{Count(test.Confusion.Correct)} of {Count(test.Count, "test text", "test texts")}, none of which was used to train or to choose anything, got the right
            class. So many texts pin the accuracy down to {Percent(test.AccuracyInterval)} (95&#160;% interval). Always answering “{commonest.Name}” would be right on
            {Percent((double)commonest.Support / test.Count)}.</p>
            """);
        if (report.Data.DuplicatesAcrossParts > 0)
        {
            html.AppendLine($"<p>But {Duplicates(report.Data)}, so that new texts may fare worse.</p>");
        }
    }

    private static void AppendComparison(HtmlBuilder html, ClassifierReport report, BaselineSummary baseline)
    {
        PairedComparison paired = PairedComparison.Compute(report.Evaluation, baseline.Evaluation);
        html.AppendLine($"""
            <p>{baseline.Name}, trained on the same texts in {Duration(baseline.Seconds)}, is right on {Percent(baseline.Evaluation.Test.Accuracy)}.
            {Count(paired.OnlyFirst, "text is", "texts are")} right only here, {Count(paired.OnlySecond)} only there (McNemar’s exact test: {PValue(paired.PValue)}). {Conclusion(paired)}</p>
            """);
    }

    private static string Conclusion(PairedComparison paired) => paired switch
    {
        { OnlyFirst: 0, OnlySecond: 0 } => "On these texts neither is better.",
        { PValue: >= Significance } => "A difference this small may be chance: on these texts neither is shown to be better.",
        _ when paired.OnlyFirst > paired.OnlySecond => "The fine-tuned model is better, by more than chance explains.",
        _ => "The baseline is better, by more than chance explains.",
    };
}
