using Quatrain.Training.Plots;

namespace Quatrain.Training.Tests.Plots;

public class PlotSeriesTests
{
    [Fact]
    public void Smooth_averages_noise_and_follows_a_steep_start()
    {
        PlotPoint[] points = [.. Enumerable.Range(0, 1000).Select(i => new PlotPoint(i, i == 0 ? 4 : 1 + (i % 2 == 0 ? 0.1 : -0.1)))];

        PlotPoint[] smooth = PlotSeries.Smooth(points);

        smooth[0].Y.ShouldBe(4);
        smooth.Skip(30).ShouldAllBe(point => Math.Abs(point.Y - 1) < 0.02);
    }
}
