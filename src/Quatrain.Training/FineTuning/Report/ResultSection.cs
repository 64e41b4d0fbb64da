using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.Plots;
using static Quatrain.Training.FineTuning.Report.ReportNumbers;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>The measures side by side, and the plots of the test part.</summary>
internal static class ResultSection
{
    private static readonly Markup Wide = new(" class=\"wide\"");

    public static void Append(HtmlBuilder html, ClassifierReport report)
    {
        ClassifierEvaluation evaluation = report.Evaluation;
        html.AppendLine($"<section><h2>The test part in figures</h2><div class=\"grid\">");
        AppendConfusion(html, evaluation);
        AppendRoc(html, report);
        AppendScores(html, evaluation);
        AppendReliability(html, evaluation);
        html.AppendLine($"</div></section>");
        AppendMeasures(html, report);
        AppendClasses(html, evaluation.Test);
    }

    private static void AppendConfusion(HtmlBuilder html, ClassifierEvaluation evaluation)
    {
        ConfusionMatrix matrix = evaluation.Test.Confusion;
        html.AppendLine($"""
            <figure{(matrix.ClassCount > 4 ? Wide : default)}><h3>What was taken for what</h3><div class="scroll"><table class="confusion" aria-label="Confusion matrix">
            <thead><tr><td></td>
            """);
        foreach (string name in evaluation.LabelNames)
        {
            html.AppendLine($"<th scope=\"col\" class=\"n label\">{name}</th>");
        }

        html.AppendLine($"</tr></thead><tbody>");
        for (int label = 0; label < matrix.ClassCount; label++)
        {
            html.AppendLine($"<tr><th scope=\"row\" class=\"label\">{evaluation.LabelNames[label]}</th>");
            for (int predicted = 0; predicted < matrix.ClassCount; predicted++)
            {
                double? share = matrix.CountOf(label) == 0 ? null : (double)matrix[label, predicted] / matrix.CountOf(label);
                bool isRight = label == predicted;
                // Mistakes are rarer and matter more, so that their colour rises faster.
                double shade = isRight ? 0.5 * (share ?? 0) : Math.Min(0.7, Math.Sqrt(share ?? 0));
                html.AppendLine(
                    $"<td class=\"{(isRight ? "right" : "wrong")}\" style=\"background: rgb(var({(isRight ? "--heat" : "--miss")}) / {shade:0.00})\">{Count(matrix[label, predicted])}<small>{Percent(share)}</small></td>");
            }

            html.AppendLine($"</tr>");
        }

        html.AppendLine($"</tbody></table></div><figcaption>Rows: true class. Columns: predicted class. Shares are of the row.</figcaption></figure>");
    }

    private static void AppendRoc(HtmlBuilder html, ClassifierReport report)
    {
        ClassifierEvaluation evaluation = report.Evaluation;
        string against = evaluation.ShownClass is { } shown
            ? $"How much of “{evaluation.LabelNames[shown]}” is found for how many false alarms"
            : "How well each class is told from the rest";
        string beside = report.Baseline is { } baseline ? $" (dashed: baseline, {Ratio(baseline.Evaluation.Test.RocAuc)})" : "";
        html.AppendLine($"""
            <figure><h3>ROC curve</h3>{ReportPlots.Roc(evaluation.Test, report.Baseline?.Evaluation.Test)}
            <figcaption>{against}, at every threshold: area {Ratio(evaluation.Test.RocAuc)}{beside}. One half is chance.{(ReportPlots.RocEnd(evaluation.Test, report.Baseline?.Evaluation.Test) < 1 ? " The axis ends early, where nothing more happens." : "")}{(evaluation.PositiveClass is null ? "" : " The dot is the rule in use.")}</figcaption></figure>
            """);
    }

    private static void AppendScores(HtmlBuilder html, ClassifierEvaluation evaluation)
    {
        double? threshold = evaluation.Threshold?.Value ?? (evaluation.LabelNames.Count == 2 ? 0.5 : null);
        html.AppendLine($"""
            <figure><h3>How sure it is</h3>{ReportPlots.Scores(ScoreHistogram.Of(evaluation), threshold)}
            <figcaption>Heights are square roots of counts, each group to its own scale, so that a single text is still seen; the axis is spread out at both ends and the outermost bars hold what lies beyond.{(threshold is null ? "" : " The dashed line is the threshold.")}</figcaption></figure>
            """);
    }

    private static void AppendReliability(HtmlBuilder html, ClassifierEvaluation evaluation)
    {
        ClassificationMetrics test = evaluation.Test;
        html.AppendLine($"""
            <figure><h3>Whether its probabilities hold</h3>{ReportPlots.Reliability(test.Reliability, evaluation.LabelNames.Count)}
            <figcaption>Of texts to which it gives 90&#160;%, 90&#160;% should be right. Each dot is a group of like confidence, with the 95&#160;% interval of its accuracy; larger dots are
            more texts. Calibration error {Ratio(test.CalibrationError)} at the temperature fitted on the validation part, {evaluation.Temperature:0.00}; {Ratio(test.UncalibratedCalibrationError)} without it.</figcaption></figure>
            """);
    }

    private static void AppendMeasures(HtmlBuilder html, ClassifierReport report)
    {
        ClassificationMetrics?[] columns = [report.Evaluation.Test, report.Evaluation.Validation, report.Baseline?.Evaluation.Test];
        html.AppendLine($"""
            <section><h2>All measures</h2><div class="card">
            <p class="quiet">Temperature{(report.Evaluation.Threshold is null ? "" : ", threshold")} and the weights kept were chosen on the validation part, which therefore flatters a little.</p>
            <div class="scroll"><table aria-label="All measures">
            <thead><tr><th scope="col">measure</th><th scope="col" class="n">test</th><th scope="col" class="n">validation</th>
            """);
        if (report.Baseline is not null)
        {
            html.AppendLine($"<th scope=\"col\" class=\"n\">baseline, test</th>");
        }

        string whose = VerdictSection.MeasureOf(report.Evaluation);
        html.AppendLine($"</tr></thead><tbody>");
        AppendRow("texts", metrics => Count(metrics.Count));
        AppendRow("accuracy", metrics => Percent(metrics.Accuracy));
        AppendRow("95 % interval", metrics => Percent(metrics.AccuracyInterval));
        AppendRow($"precision {whose}", metrics => Ratio(metrics.Precision));
        AppendRow($"recall {whose}", metrics => Ratio(metrics.Recall));
        AppendRow($"F1 {whose}", metrics => Ratio(metrics.F1));
        if (report.Evaluation.PositiveClass is not null)
        {
            AppendRow("false-positive rate", metrics => Percent(metrics.FalsePositiveRate));
            AppendRow("F1 (mean over classes)", metrics => Ratio(metrics.MacroF1));
        }

        AppendRow("ROC-AUC", metrics => Ratio(metrics.RocAuc));
        AppendRow("log loss (nats)", metrics => Ratio(metrics.LogLoss));
        AppendRow("Brier score", metrics => Ratio(metrics.Brier));
        AppendRow("calibration error", metrics => Ratio(metrics.CalibrationError));
        html.AppendLine($"</tbody></table></div></div></section>");

        void AppendRow(string name, Func<ClassificationMetrics, string> value)
        {
            html.AppendLine($"<tr><th scope=\"row\" class=\"label\">{name}</th>");
            foreach (ClassificationMetrics metrics in columns.OfType<ClassificationMetrics>())
            {
                html.AppendLine($"<td class=\"n\">{value(metrics)}</td>");
            }

            html.AppendLine($"</tr>");
        }
    }

    private static void AppendClasses(HtmlBuilder html, ClassificationMetrics test)
    {
        Markup areaHeading = test.RocCurves.Length > 1 ? new("<th scope=\"col\" class=\"n\">ROC-AUC</th>") : default;
        html.AppendLine($"""
            <section><h2>Each class of the test part</h2><div class="card">
            <p class="quiet">A dash is a ratio of nothing to nothing: a class that never occurs or is never predicted.</p>
            <div class="scroll"><table aria-label="Each class of the test part">
            <thead><tr><th scope="col">class</th><th scope="col" class="n">texts</th><th scope="col" class="n">predicted</th>
            <th scope="col" class="n">precision</th><th scope="col" class="n">recall</th><th scope="col" class="n">F1</th>{areaHeading}</tr></thead><tbody>
            """);
        foreach ((int label, ClassMetrics entry) in test.Classes.Index())
        {
            Markup area = test.RocCurves.Length > 1 ? new($"<td class=\"n\">{MarkupText.Escape(Ratio(test.RocCurves[label].Auc))}</td>") : default;
            html.AppendLine($"""
                <tr><th scope="row" class="label">{entry.Name}</th><td class="n">{Count(entry.Support)}</td><td class="n">{Count(entry.Predicted)}</td>
                <td class="n">{Ratio(entry.Precision)}</td><td class="n">{Ratio(entry.Recall)}</td><td class="n">{Ratio(entry.F1)}</td>{area}</tr>
                """);
        }

        html.AppendLine($"</tbody></table></div></div></section>");
    }
}
