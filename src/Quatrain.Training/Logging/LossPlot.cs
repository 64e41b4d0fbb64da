using System.Globalization;
using System.Net;
using System.Text;
using System.Xml;
using Quatrain.Models.Checkpoints;

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
            <title>{Escape(title)}</title>
            <rect x="0.5" y="0.5" width="{Width - 1}" height="{Height - 1}" rx="10" fill="{Paper}" stroke="{Edge}"/>
            <text x="{Left}" y="40" font-size="20" font-weight="600" fill="{Ink}">{Escape(title)}</text>
            <text x="{Left}" y="64" fill="{Muted}">{Escape(Summary(records, smooth, validation, floor))}</text>

            """);
        AppendAxes(svg, x, y, tokenName);
        AppendLine(svg, "training", PlotSeries.Thin(train, Right - Left), x, y, $"stroke=\"{Train}\" stroke-opacity=\"0.35\" stroke-width=\"1\"");
        AppendLine(svg, "smoothed", PlotSeries.Thin(smooth, (Right - Left) / 2), x, y, $"stroke=\"{Train}\" stroke-width=\"2.2\"");
        if (floor is { } known)
        {
            double level = y.Pixel(known);
            svg.Append(CultureInfo.InvariantCulture,
                $"<line id=\"floor\" x1=\"{Left}\" y1=\"{level:0.##}\" x2=\"{Right}\" y2=\"{level:0.##}\" stroke=\"{Floor}\" stroke-width=\"1.6\" stroke-dasharray=\"7 5\"/>\n");
        }

        AppendLine(svg, "validation", PlotSeries.Thin(validation, MaximumDots / 2), x, y, $"stroke=\"{Validation}\" stroke-width=\"1.6\"");
        AppendDots(svg, "validation-points", PlotSeries.Thin(validation, MaximumDots / 2), Validation, x, y);
        if (drawnTrain.Length == 1)
        {
            AppendDots(svg, "training-points", [.. smooth.Where(point => point.IsDrawable)], Train, x, y);
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

    private static void AppendAxes(StringBuilder svg, PlotAxis x, PlotAxis y, string tokenName)
    {
        svg.Append(CultureInfo.InvariantCulture, $"<g id=\"axes\" fill=\"{Muted}\" stroke=\"none\">\n");
        foreach ((double value, string label) in y.Ticks)
        {
            double pixel = y.Pixel(value);
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{Left}\" y1=\"{pixel:0.##}\" x2=\"{Right}\" y2=\"{pixel:0.##}\" stroke=\"{Grid}\"/><text x=\"{Left - 10}\" y=\"{pixel + 4.5:0.##}\" text-anchor=\"end\">{label}</text>\n");
        }

        foreach ((double value, string label) in x.Ticks)
        {
            double pixel = x.Pixel(value);
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{pixel:0.##}\" y1=\"{Bottom}\" x2=\"{pixel:0.##}\" y2=\"{Bottom + 5}\" stroke=\"{Muted}\"/><text x=\"{pixel:0.##}\" y=\"{Bottom + 22}\" text-anchor=\"middle\">{label}</text>\n");
        }

        svg.Append(CultureInfo.InvariantCulture, $"""
            <line x1="{Left}" y1="{Bottom}" x2="{Right}" y2="{Bottom}" stroke="{Muted}"/>
            <text x="{(Left + Right) / 2}" y="{Bottom + 48}" text-anchor="middle" fill="{Ink}">iteration</text>
            <text transform="translate(24 {(Top + Bottom) / 2}) rotate(-90)" text-anchor="middle" fill="{Ink}">loss (nats per {Escape(tokenName)})</text>
            </g>

            """);
    }

    private static void AppendLine(StringBuilder svg, string id, IReadOnlyList<PlotPoint> points, PlotAxis x, PlotAxis y, string style)
    {
        svg.Append(CultureInfo.InvariantCulture, $"<path id=\"{id}\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" {style} d=\"");
        bool isDrawing = false;
        foreach (PlotPoint point in points)
        {
            if (point.IsDrawable)
            {
                svg.Append(CultureInfo.InvariantCulture, $"{(isDrawing ? 'L' : 'M')}{x.Pixel(point.X):0.##} {y.Pixel(point.Y):0.##}");
            }

            isDrawing = point.IsDrawable;
        }

        svg.Append("\"/>\n");
    }

    private static void AppendDots(StringBuilder svg, string id, IReadOnlyList<PlotPoint> points, string color, PlotAxis x, PlotAxis y)
    {
        double radius = points.Count <= 50 ? 3.6 : 2;
        svg.Append(CultureInfo.InvariantCulture, $"<g id=\"{id}\" fill=\"{color}\" stroke=\"{Paper}\">\n");
        foreach (PlotPoint point in points)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{x.Pixel(point.X):0.##}\" cy=\"{y.Pixel(point.Y):0.##}\" r=\"{radius}\"/>\n");
        }

        svg.Append("</g>\n");
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

    private static string Escape(string text) => WebUtility.HtmlEncode(new string([.. text.Where(XmlConvert.IsXmlChar)]));
}
