using static Quatrain.Training.FineTuning.Report.ReportNumbers;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>How training went, what it cost, and the options it ran with.</summary>
internal static class TrainingSection
{
    public static void Append(HtmlBuilder html, ClassifierReport report)
    {
        TrainingSummary training = report.Training;
        html.AppendLine($"<section><h2>Training</h2>");
        if (training.Curve.Count > 0)
        {
            string best = training.BestEpoch is null ? "" : " The dotted line is the epoch whose weights were kept.";
            html.AppendLine($"""
                <div class="grid">
                <figure><h3>Loss</h3>{ReportPlots.Losses(training)}<figcaption><span style="color: {ReportStyle.First}">━</span> training, <span style="color: {ReportStyle.Second}">●</span> validation.{best}</figcaption></figure>
                <figure><h3>Validation accuracy</h3>{ReportPlots.Accuracies(training)}<figcaption>Each dot is an evaluation.{best}</figcaption></figure>
                </div>
                """);
        }

        html.AppendLine($"<div class=\"card\" style=\"margin-top: 1rem\"><p>{Summary(training)}</p>");
        if (report.Options.Count > 0)
        {
            html.AppendLine($"<table aria-label=\"Options\"><thead><tr><th scope=\"col\">option</th><th scope=\"col\">value</th></tr></thead><tbody>");
            foreach (ReportOption option in report.Options)
            {
                html.AppendLine($"<tr><th scope=\"row\" class=\"label\">{option.Name}</th><td class=\"label\">{option.Value}</td></tr>");
            }

            html.AppendLine($"</tbody></table>");
        }

        html.AppendLine($"</div></section>");
    }

    private static string Summary(TrainingSummary training)
    {
        string summary = $"{Duration(training.Seconds)}, {Count((long)Math.Round(training.ExamplesPerSecond))} texts a second.";
        if (training.PrefixCache is not { } cache)
        {
            return summary;
        }

        string speedup = cache.EpochSpeedup is { } times ? FormattableString.Invariant($", and made an epoch {times:0.0} times faster") : "";
        return $"{summary} The frozen layers’ output was computed once, in {Duration(cache.FillSeconds)}, and kept: {Size(cache.Bytes)}{speedup}.";
    }
}
