namespace Quatrain.Training.Plots;

/// <summary>A point of a plot, in the units of the data.</summary>
internal readonly record struct PlotPoint(double X, double Y)
{
    // Beyond a loss of a billion there is nothing to see, and differences of such numbers may overflow.
    public bool IsDrawable => Math.Abs(Y) < 1e9;
}

/// <summary>Prepares a series of points for drawing.</summary>
internal static class PlotSeries
{
    /// <summary>
    /// The running mean over one point in fifty, centred as far as the series' start allows, so that a steep start isn't flattened;
    /// undrawable points count for nothing and stay as gaps.
    /// </summary>
    public static PlotPoint[] Smooth(IReadOnlyList<PlotPoint> points)
    {
        double[] sums = new double[points.Count + 1];
        int[] counts = new int[points.Count + 1];
        for (int i = 0; i < points.Count; i++)
        {
            sums[i + 1] = sums[i] + (points[i].IsDrawable ? points[i].Y : 0);
            counts[i + 1] = counts[i] + (points[i].IsDrawable ? 1 : 0);
        }

        PlotPoint[] smooth = new PlotPoint[points.Count];
        for (int i = 0; i < points.Count; i++)
        {
            int reach = Math.Min(i, points.Count / 100);
            int first = i - reach, end = Math.Min(points.Count, i + reach + 1);
            smooth[i] = points[i].IsDrawable
                ? new PlotPoint(points[i].X, (sums[end] - sums[first]) / (counts[end] - counts[first]))
                : points[i];
        }

        return smooth;
    }

    /// <summary>At most two points, the lowest and the highest, of each of <paramref name="columns"/> stretches; undrawable points stay as gaps.</summary>
    public static IReadOnlyList<PlotPoint> Thin(IReadOnlyList<PlotPoint> points, int columns)
    {
        if (points.Count <= 2 * columns)
        {
            return points;
        }

        List<PlotPoint> thin = new(2 * columns);
        for (int column = 0; column < columns; column++)
        {
            int first = (int)((long)points.Count * column / columns), end = (int)((long)points.Count * (column + 1) / columns);
            int low = -1, high = -1;
            for (int i = first; i < end; i++)
            {
                if (points[i].IsDrawable)
                {
                    low = low < 0 || points[i].Y < points[low].Y ? i : low;
                    high = high < 0 || points[i].Y > points[high].Y ? i : high;
                }
            }

            if (low < 0)
            {
                thin.Add(points[first]);
                continue;
            }

            thin.Add(points[Math.Min(low, high)]);
            if (low != high)
            {
                thin.Add(points[Math.Max(low, high)]);
            }
        }

        return thin;
    }
}
