using System.Globalization;
using System.Text;

namespace Quatrain.Training.Plots;

/// <summary>The pixels between which a plot's axes run.</summary>
internal readonly record struct PlotFrame(int Left, int Right, int Top, int Bottom);

/// <summary>The colours of a plot's frame, as SVG attributes take them.</summary>
internal sealed record PlotColors(string Ink, string Muted, string Grid, string Paper);

/// <summary>Draws the axes and series of one plot as SVG elements, which the caller puts into a picture.</summary>
/// <param name="svg">Takes the elements.</param>
/// <param name="frame">Where the axes run.</param>
/// <param name="x">The horizontal axis, from the frame's left to its right.</param>
/// <param name="y">The vertical axis, from the frame's bottom to its top.</param>
/// <param name="colors">The frame's colours.</param>
/// <param name="idPrefix">Put before each element's id, which is unique in a page only then.</param>
internal sealed class SvgPlot(StringBuilder svg, PlotFrame frame, PlotAxis x, PlotAxis y, PlotColors colors, string idPrefix = "")
{
    /// <summary>Appends grid lines, ticks with their labels and the axes' titles.</summary>
    /// <param name="xTitle">What the horizontal axis shows.</param>
    /// <param name="yTitle">What the vertical axis shows.</param>
    /// <param name="titleRoom">How far outside the frame the titles stand: below it, and left of it.</param>
    public void AppendAxes(string xTitle, string yTitle, (int Below, int Beside) titleRoom)
    {
        svg.Append(CultureInfo.InvariantCulture, $"<g id=\"{idPrefix}axes\" fill=\"{colors.Muted}\" stroke=\"none\">\n");
        foreach ((double value, string label) in y.Ticks)
        {
            double pixel = y.Pixel(value);
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{frame.Left}\" y1=\"{pixel:0.##}\" x2=\"{frame.Right}\" y2=\"{pixel:0.##}\" stroke=\"{colors.Grid}\"/><text x=\"{frame.Left - 10}\" y=\"{pixel + 4.5:0.##}\" text-anchor=\"end\">{label}</text>\n");
        }

        foreach ((double value, string label) in x.Ticks)
        {
            double pixel = x.Pixel(value);
            svg.Append(CultureInfo.InvariantCulture,
                $"<line x1=\"{pixel:0.##}\" y1=\"{frame.Bottom}\" x2=\"{pixel:0.##}\" y2=\"{frame.Bottom + 5}\" stroke=\"{colors.Muted}\"/><text x=\"{pixel:0.##}\" y=\"{frame.Bottom + 22}\" text-anchor=\"middle\">{label}</text>\n");
        }

        svg.Append(CultureInfo.InvariantCulture, $"""
            <line x1="{frame.Left}" y1="{frame.Bottom}" x2="{frame.Right}" y2="{frame.Bottom}" stroke="{colors.Muted}"/>
            <text x="{(frame.Left + frame.Right) / 2}" y="{frame.Bottom + titleRoom.Below}" text-anchor="middle" fill="{colors.Ink}">{MarkupText.Escape(xTitle)}</text>
            <text transform="translate({frame.Left - titleRoom.Beside} {(frame.Top + frame.Bottom) / 2}) rotate(-90)" text-anchor="middle" fill="{colors.Ink}">{MarkupText.Escape(yTitle)}</text>
            </g>

            """);
    }

    /// <summary>Appends a line through the points, broken where one is undrawable.</summary>
    public void AppendLine(string id, IReadOnlyList<PlotPoint> points, string style)
    {
        svg.Append(CultureInfo.InvariantCulture, $"<path id=\"{idPrefix}{id}\" fill=\"none\" stroke-linejoin=\"round\" stroke-linecap=\"round\" {style} d=\"");
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

    /// <summary>Appends a dot at each point, all of which are drawable.</summary>
    public void AppendDots(string id, IReadOnlyList<PlotPoint> points, string color)
    {
        double radius = points.Count <= 50 ? 3.6 : 2;
        svg.Append(CultureInfo.InvariantCulture, $"<g id=\"{idPrefix}{id}\" fill=\"{color}\" stroke=\"{colors.Paper}\">\n");
        foreach (PlotPoint point in points)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{x.Pixel(point.X):0.##}\" cy=\"{y.Pixel(point.Y):0.##}\" r=\"{radius}\"/>\n");
        }

        svg.Append("</g>\n");
    }
}
