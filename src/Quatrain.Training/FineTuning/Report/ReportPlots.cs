using System.Globalization;
using System.Text;
using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.Plots;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>The page's plots, each one SVG element.</summary>
internal static class ReportPlots
{
    private const int Width = 460, Height = 320;
    private static readonly PlotFrame Frame = new(58, 444, 14, 262);

    // Curves beyond this many are but a thicket.
    private const int MaximumCurves = 8;

    /// <summary>Training and validation loss by epoch.</summary>
    public static Markup Losses(TrainingSummary training)
    {
        PlotPoint[] train = Series(training, point => point.TrainingLoss), validation = Series(training, point => point.ValidationLoss);
        double most = train.Concat(validation).Where(point => point.IsDrawable).Select(point => point.Y).DefaultIfEmpty(1).Max();
        PlotAxis y = new(0, most, Frame.Bottom, Frame.Top, 5, smallestTickStep: 1e-6, widenAbove: true);
        return Epochs("loss", "Training and validation loss by epoch", "loss (nats)", training, y, train, validation);
    }

    /// <summary>Validation accuracy by epoch.</summary>
    public static Markup Accuracies(TrainingSummary training)
    {
        PlotPoint[] accuracies = Series(training, point => 100 * point.ValidationAccuracy);
        double least = accuracies.Where(point => point.IsDrawable).Select(point => point.Y).DefaultIfEmpty(0).Min();
        PlotAxis y = new(Math.Min(least, 98), 100, Frame.Bottom, Frame.Top, 5, smallestTickStep: 0.1, widenAbove: false);
        return Epochs("accuracy", "Validation accuracy by epoch", "accuracy (%)", training, y, [], accuracies);
    }

    /// <summary>The ROC curves of the classifier and, thin, of what it is compared with; dots where the rules stand.</summary>
    public static Markup Roc(ClassificationMetrics metrics, ClassificationMetrics? baseline)
    {
        double end = RocEnd(metrics, baseline);
        PlotAxis x = new(0, end, Frame.Left, Frame.Right, 5, smallestTickStep: end / 5, widenAbove: false);
        PlotAxis y = new(0, 1, Frame.Bottom, Frame.Top, 5, smallestTickStep: 0.2, widenAbove: false);
        StringBuilder svg = Begin("ROC curve");
        SvgPlot plot = new(svg, Frame, x, y, ReportStyle.Colors, "roc-");
        plot.AppendAxes("false-positive rate", "true-positive rate", titleRoom: (46, 42));
        plot.AppendLine("chance", [new(0, 0), new(end, end)], "stroke=\"var(--muted)\" stroke-dasharray=\"3 5\"");
        AppendCurves("baseline", baseline, $"stroke=\"{ReportStyle.Second}\" stroke-width=\"1.6\" stroke-dasharray=\"6 4\"");
        AppendCurves("model", metrics, $"stroke=\"{ReportStyle.First}\" stroke-width=\"2.2\"");
        if (metrics is { FalsePositiveRate: { } falsePositives, Recall: { } recall } && falsePositives <= end)
        {
            plot.AppendDots("rule", [new(falsePositives, recall)], ReportStyle.First);
        }

        return End(svg);

        void AppendCurves(string id, ClassificationMetrics? curves, string style)
        {
            foreach (RocCurve curve in (curves?.RocCurves ?? []).Where(curve => curve.Auc is not null).Take(MaximumCurves))
            {
                PlotPoint[] points = [.. curve.Points.TakeWhile(point => point.FalsePositiveRate <= end).Select(point => new PlotPoint(point.FalsePositiveRate, point.TruePositiveRate)), new(end, 1)];
                plot.AppendLine($"{id}-{curve.PositiveClass}", PlotSeries.Thin(points, Width), style);
            }
        }
    }

    /// <summary>Where the ROC plot's axis ends: short of 1 only if all curves have found everything by then.</summary>
    public static double RocEnd(ClassificationMetrics metrics, ClassificationMetrics? baseline)
    {
        double all = metrics.RocCurves.Concat(baseline?.RocCurves ?? [])
            .Where(curve => curve.Auc is not null)
            .Select(curve => curve.Points.First(point => point.TruePositiveRate == 1).FalsePositiveRate)
            .DefaultIfEmpty(1).Max();
        return all <= 0.05 ? 0.05 : all <= 0.2 ? 0.2 : 1;
    }

    /// <summary>Accuracy by confidence: a bar a bin, and the diagonal on which both agree.</summary>
    public static Markup Reliability(ReliabilityBin[] bins, int classCount)
    {
        // The most probable of k classes has at least 1/k.
        double least = Math.Floor(10.0 / classCount) / 10;
        PlotAxis x = new(least, 1, Frame.Left, Frame.Right, 5, smallestTickStep: 0.1, widenAbove: false);
        PlotAxis y = new(0, 1, Frame.Bottom, Frame.Top, 5, smallestTickStep: 0.2, widenAbove: false);
        StringBuilder svg = Begin("Reliability diagram");
        SvgPlot plot = new(svg, Frame, x, y, ReportStyle.Colors, "reliability-");
        plot.AppendAxes("confidence", "accuracy", titleRoom: (46, 42));
        plot.AppendLine("ideal", [new(least, least), new(1, 1)], "stroke=\"var(--muted)\" stroke-dasharray=\"3 5\"");
        foreach (ReliabilityBin bin in bins.Where(bin => bin.Count > 0))
        {
            ShareInterval interval = ShareInterval.Wilson((int)Math.Round(bin.Accuracy * bin.Count), bin.Count);
            double center = x.Pixel(bin.Confidence);
            svg.Append(CultureInfo.InvariantCulture, $"""
                <line x1="{center:0.##}" x2="{center:0.##}" y1="{y.Pixel(interval.Low):0.##}" y2="{y.Pixel(interval.High):0.##}" stroke="{ReportStyle.First}" stroke-opacity="0.45" stroke-width="3"/>
                <circle cx="{center:0.##}" cy="{y.Pixel(bin.Accuracy):0.##}" r="{Math.Clamp(2 + Math.Log10(bin.Count) * 1.8, 2.5, 9):0.##}" fill="{ReportStyle.First}"/>

                """);
        }

        return End(svg);
    }

    /// <summary>How the scores of two groups of texts lie: shares of the first upwards, of the second downwards.</summary>
    public static Markup Scores(ScoreHistogram histogram, double? threshold)
    {
        const int Middle = 138, Reach = 112;
        double range = histogram.Range;
        PlotAxis x = new(-range, range, Frame.Left, Frame.Right, [.. Ticks.Where(tick => Math.Abs(tick.Value) <= range)]);
        PlotAxis y = new(-1, 1, Frame.Bottom, Frame.Top, [(0, "")]);
        StringBuilder svg = Begin("Scores by class");
        new SvgPlot(svg, Frame, x, y, ReportStyle.Colors, "scores-").AppendAxes(histogram.ScoreName, "texts (square root)", titleRoom: (46, 42));
        AppendBars(histogram.First, upwards: true, ReportStyle.Second);
        AppendBars(histogram.Second, upwards: false, ReportStyle.First);
        svg.Append(CultureInfo.InvariantCulture, $"""
            <text x="{Frame.Left + 8}" y="{Frame.Top + 14}" fill="{ReportStyle.Second}">{MarkupText.Escape(Short(histogram.FirstName))} ▲</text>
            <text x="{Frame.Right - 8}" y="{Frame.Bottom - 8}" text-anchor="end" fill="{ReportStyle.First}">{MarkupText.Escape(Short(histogram.SecondName))} ▼</text>

            """);
        if (threshold is { } value)
        {
            double pixel = x.Pixel(Math.Clamp(Math.Log(value / Math.Max(1 - value, double.Epsilon)), -range, range));
            svg.Append(CultureInfo.InvariantCulture, $"<line id=\"scores-threshold\" x1=\"{pixel:0.##}\" x2=\"{pixel:0.##}\" y1=\"{Frame.Top}\" y2=\"{Frame.Bottom}\" stroke=\"var(--ink)\" stroke-width=\"1.4\" stroke-dasharray=\"5 4\"/>\n");
        }

        return End(svg);

        void AppendBars(IReadOnlyList<int> counts, bool upwards, string color)
        {
            double width = (double)(Frame.Right - Frame.Left) / counts.Count;
            int most = Math.Max(1, counts.Max());
            for (int i = 0; i < counts.Count; i++)
            {
                // One text in a thousand on the wrong side is just what a reader looks for, and by the root it is seen.
                double height = Reach * Math.Sqrt((double)counts[i] / most);
                svg.Append(CultureInfo.InvariantCulture,
                    $"<rect x=\"{Frame.Left + i * width + 0.5:0.##}\" y=\"{(upwards ? Middle - height : Middle):0.##}\" width=\"{width - 1:0.##}\" height=\"{height:0.##}\" fill=\"{color}\"/>\n");
            }
        }
    }

    private static readonly (double Value, string Label)[] Ticks =
    [
        .. new[] { 0.001, 0.05, 0.5, 0.95, 0.999 }
            .Select(p => (Math.Log(p / (1 - p)), p.ToString(CultureInfo.InvariantCulture))),
    ];

    private static Markup Epochs(string id, string title, string yTitle, TrainingSummary training, PlotAxis y, PlotPoint[] train, PlotPoint[] validation)
    {
        double last = training.Curve.Select(point => point.Epoch).Where(double.IsFinite).DefaultIfEmpty(1).Max();
        PlotAxis x = new(0, last, Frame.Left, Frame.Right, 6, smallestTickStep: 0.05, widenAbove: false);
        StringBuilder svg = Begin(title);
        SvgPlot plot = new(svg, Frame, x, y, ReportStyle.Colors, id + "-");
        plot.AppendAxes("epoch", yTitle, titleRoom: (46, 42));
        if (training.BestEpoch is { } best && best >= 0 && best <= last)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{x.Pixel(best):0.##}\" x2=\"{x.Pixel(best):0.##}\" y1=\"{Frame.Top}\" y2=\"{Frame.Bottom}\" stroke=\"var(--muted)\" stroke-dasharray=\"3 5\"/>\n");
        }

        if (train.Length > 0)
        {
            plot.AppendLine("training", PlotSeries.Thin(train, Width / 2), $"stroke=\"{ReportStyle.First}\" stroke-width=\"1.8\"");
        }

        validation = [.. validation.Where(point => point.IsDrawable)];
        plot.AppendLine("validation", PlotSeries.Thin(validation, Width / 2), $"stroke=\"{ReportStyle.Second}\" stroke-width=\"1.8\"");
        plot.AppendDots("validation-points", PlotSeries.Thin(validation, 50), ReportStyle.Second);
        return End(svg);
    }

    private static PlotPoint[] Series(TrainingSummary training, Func<CurvePoint, double?> value) =>
        [.. training.Curve.Where(point => value(point) is not null && double.IsFinite(point.Epoch)).Select(point => new PlotPoint(point.Epoch, value(point)!.Value))];

    private static string Short(string name) => name.Length <= 24 ? name : name[..23] + "…";

    private static StringBuilder Begin(string title) => new StringBuilder().Append(CultureInfo.InvariantCulture,
        $"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" font-size=\"13\"><title>{MarkupText.Escape(title)}</title>\n");

    private static Markup End(StringBuilder svg) => new(svg.Append("</svg>").ToString());
}
