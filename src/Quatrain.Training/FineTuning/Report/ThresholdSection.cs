using Quatrain.Training.FineTuning.Metrics;
using static Quatrain.Training.FineTuning.Report.ReportNumbers;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>The threshold that was chosen for a wish, on how many texts, and what became of the wish on the test part.</summary>
internal static class ThresholdSection
{
    public static void Append(HtmlBuilder html, ClassifierReport report)
    {
        if (report.Evaluation.Threshold is not { } threshold)
        {
            return;
        }

        ClassificationMetrics test = report.Evaluation.Test;
        string name = report.Evaluation.LabelNames[threshold.PositiveClass];
        html.AppendLine($"""
            <section><h2>The threshold</h2><div class="card">
            <p>Asked for: at most {Percent(threshold.Wish)} of the other texts taken for “{name}”. A text is called “{name}” when its probability is at least
            <strong>{Probability(threshold.Value)}</strong>, the smallest threshold that keeps the wish on the validation part.</p>
            <div class="scroll"><table aria-label="The threshold on each part">
            <thead><tr><th scope="col">part</th><th scope="col" class="n">other texts</th><th scope="col" class="n">taken for it</th><th scope="col" class="n">false-positive rate</th>
            <th scope="col" class="n">95&#160;% interval</th><th scope="col" class="n">recall</th></tr></thead><tbody>
            """);
        AppendRow("validation", threshold.Negatives, threshold.FalsePositives, threshold.Recall);
        ClassMetrics positive = test.Classes[threshold.PositiveClass];
        AppendRow("test", test.Count - positive.Support, positive.Predicted - positive.TruePositives, positive.Recall);
        html.AppendLine($"</tbody></table></div>");
        if (threshold.FalsePositiveRateInterval.High > threshold.Wish)
        {
            html.AppendLine($"""
                <p class="quiet">{Count(threshold.Negatives, "validation text", "validation texts")} of other classes cannot promise the wish for new texts: the rate there may well be up to
                {Percent(threshold.FalsePositiveRateInterval.High)}. More validation texts would narrow that.</p>
                """);
        }

        html.AppendLine($"</div></section>");

        void AppendRow(string part, int negatives, int falsePositives, double? recall) => html.AppendLine($"""
            <tr><th scope="row">{part}</th><td class="n">{Count(negatives)}</td><td class="n">{Count(falsePositives)}</td>
            <td class="n">{Percent(negatives == 0 ? null : (double)falsePositives / negatives)}</td><td class="n">{Percent(ShareInterval.Wilson(falsePositives, negatives))}</td>
            <td class="n">{Percent(recall)}</td></tr>
            """);
    }
}
