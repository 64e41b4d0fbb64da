using System.Globalization;
using System.Text;
using Quatrain.Models.Checkpoints;
using Quatrain.Training.Plots;

namespace Quatrain.Training.Logging;

/// <summary>Draws a run's losses as a self-contained SVG picture with a background of its own.</summary>
public static class LossPlot
{
    private const int Width = 960, Height = 540;
    private const int Left = 78, Right = 926, Top = 92, Bottom = 470;
    private const int MaximumDots = 200;

    private const string Ink = "#26282b", Muted = "#686c72", Grid = "#e7e8e6", Paper = "#fdfdfc", Edge = "#d9dad7";
    private const string Train = "#2b6cb0", Validation = "#d9582b", Floor = "#2f855a";

    /// <summary>Writes the picture of <paramref name="records"/> to a file, whole or not at all.</summary>
    public static void Write(string path, IReadOnlyList<MetricRecord> records, string tokenName = "token", string title = "Loss")
    {
        byte[] picture = Encoding.UTF8.GetBytes(Render(records, tokenName, title));
        AtomicFile.Write(path, stream => stream.Write(picture));
    }

    /// <summary>The picture of <paramref name="records"/> as SVG text.</summary>
    /// <param name="records">The records of a <see cref="MetricsLog"/>, in order; losses that are not finite leave gaps.</param>
    /// <param name="tokenName">What a token is: <c>character</c> or <c>token</c>.</param>
    /// <param name="title">The heading.</param>
    public static string Render(IReadOnlyList<MetricRecord> records, string tokenName = "token", string title = "Loss")
    {
        PlotPoint[] train = [.. records.OfType<StepRecord>().Select(record => new PlotPoint(record.Step, record.Loss))];
        PlotPoint[] smooth = PlotSeries.Smooth(train);
        PlotPoint[] validation =
            [.. records.OfType<EvaluationRecord>().Select(record => new PlotPoint(record.Step, record.ValidationLoss)).Where(point => point.IsDrawable)];
        double? floor = records.OfType<EvaluationRecord>().Select(record => record.Floor).LastOrDefault(known => known is { } value && Math.Abs(value) < 1e9);

        double[] drawnTrain = [.. train.Where(point => point.IsDrawable).Select(point => point.Y)];
        double[] losses = [.. drawnTrain, .. validation.Select(point => point.Y), .. floor is { } least ? new[] { least } : []];

        double lastStep = records.Count == 0 ? 1 : records.Max(record => record.Step);
        (double low, double high) = losses.Length == 0 ? (0, 1) : (losses.Min(), losses.Max());
        double room = high > low ? 0.02 * (high - low) : 0.5;
        PlotAxis x = new(0, lastStep, Left, Right, 8, smallestTickStep: 1, widenAbove: false);
        PlotAxis y = new(low >= 0 ? Math.Max(0, low - room) : low - room, high + room, Bottom, Top, 7, smallestTickStep: 1e-6, widenAbove: true);

        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"""
            <svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{Height}" viewBox="0 0 {Width} {Height}" role="img" font-family="system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif" font-size="13">
            <title>{MarkupText.Escape(title)}</title>
            <rect x="0.5" y="0.5" width="{Width - 1}" height="{Height - 1}" rx="10" fill="{Paper}" stroke="{Edge}"/>
            <text x="{Left}" y="40" font-size="20" font-weight="600" fill="{Ink}">{MarkupText.Escape(title)}</text>
            <text x="{Left}" y="64" fill="{Muted}">{MarkupText.Escape(Summary(records, smooth, validation, floor))}</text>

            """);
        SvgPlot plot = new(svg, new PlotFrame(Left, Right, Top, Bottom), x, y, new PlotColors(Ink, Muted, Grid, Paper));
        plot.AppendAxes("iteration", $"loss (nats per {tokenName})", titleRoom: (48, 54));
        plot.AppendLine("training", PlotSeries.Thin(train, Right - Left), $"stroke=\"{Train}\" stroke-opacity=\"0.35\" stroke-width=\"1\"");
        plot.AppendLine("smoothed", PlotSeries.Thin(smooth, (Right - Left) / 2), $"stroke=\"{Train}\" stroke-width=\"2.2\"");
        if (floor is { } known)
        {
            double level = y.Pixel(known);
            svg.Append(CultureInfo.InvariantCulture,
                $"<line id=\"floor\" x1=\"{Left}\" y1=\"{level:0.##}\" x2=\"{Right}\" y2=\"{level:0.##}\" stroke=\"{Floor}\" stroke-width=\"1.6\" stroke-dasharray=\"7 5\"/>\n");
        }

        plot.AppendLine("validation", PlotSeries.Thin(validation, MaximumDots / 2), $"stroke=\"{Validation}\" stroke-width=\"1.6\"");
        plot.AppendDots("validation-points", PlotSeries.Thin(validation, MaximumDots / 2), Validation);
        if (drawnTrain.Length == 1)
        {
            plot.AppendDots("training-points", [.. smooth.Where(point => point.IsDrawable)], Train);
        }

        AppendLegend(svg, drawnTrain.Length > 0, validation.Length > 0, floor is not null);
        return svg.Append("</svg>\n").ToString();
    }

    private static string Summary(IReadOnlyList<MetricRecord> records, PlotPoint[] smooth, PlotPoint[] validation, double? floor)
    {
        if (records.Count == 0)
        {
            return "nothing logged yet";
        }

        List<string> parts = [];
        AddPart("training", smooth.LastOrDefault(point => point.IsDrawable, new PlotPoint(0, double.NaN)).Y);
        AddPart("validation", validation.Length > 0 ? validation[^1].Y : double.NaN);
        AddPart("floor", floor ?? double.NaN);
        long steps = records.Max(record => record.Step);
        string summary = FormattableString.Invariant($"after {steps:N0} {(steps == 1 ? "iteration" : "iterations")}");
        return parts.Count == 0 ? summary : $"{summary}:  {string.Join("  ·  ", parts)}";

        void AddPart(string name, double loss)
        {
            if (double.IsFinite(loss))
            {
                parts.Add(FormattableString.Invariant($"{name} {loss:0.000}"));
            }
        }
    }

    private static void AppendLegend(StringBuilder svg, bool hasTrain, bool hasValidation, bool hasFloor)
    {
        svg.Append(CultureInfo.InvariantCulture, $"<g id=\"legend\" fill=\"{Ink}\">\n");
        const int LineHeight = 22;
        int row = Top + 22;
        int text = Right - 84, from = text - 40, to = text - 10, middle = text - 25;
        if (hasTrain)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{from}\" y1=\"{row - 4}\" x2=\"{to}\" y2=\"{row - 4}\" stroke=\"{Train}\" stroke-opacity=\"0.35\" stroke-width=\"8\"/><line x1=\"{from}\" y1=\"{row - 4}\" x2=\"{to}\" y2=\"{row - 4}\" stroke=\"{Train}\" stroke-width=\"2.2\"/><text x=\"{text}\" y=\"{row}\">training</text>\n");
            row += LineHeight;
        }

        if (hasValidation)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{from}\" y1=\"{row - 4}\" x2=\"{to}\" y2=\"{row - 4}\" stroke=\"{Validation}\" stroke-width=\"1.6\"/><circle cx=\"{middle}\" cy=\"{row - 4}\" r=\"3.6\" fill=\"{Validation}\"/><text x=\"{text}\" y=\"{row}\">validation</text>\n");
            row += LineHeight;
        }

        if (hasFloor)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{from}\" y1=\"{row - 4}\" x2=\"{to}\" y2=\"{row - 4}\" stroke=\"{Floor}\" stroke-width=\"1.6\" stroke-dasharray=\"7 5\"/><text x=\"{text}\" y=\"{row}\">floor</text>\n");
        }

        svg.Append("</g>\n");
    }
}
