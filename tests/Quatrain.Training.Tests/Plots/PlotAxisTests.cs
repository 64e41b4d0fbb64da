using Quatrain.Training.Plots;

namespace Quatrain.Training.Tests.Plots;

public class PlotAxisTests
{
    [Theory]
    [InlineData(0, 4.3, 0, new[] { "0", "1", "2", "3", "4", "5" })]
    [InlineData(0, 1500, 0, new[] { "0", "500", "1,000", "1,500" })]
    [InlineData(0.9, 1.13, 0, new[] { "0.90", "0.95", "1.00", "1.05", "1.10", "1.15" })]
    [InlineData(0, 0.11, 0, new[] { "0.000", "0.025", "0.050", "0.075", "0.100", "0.125" })]
    [InlineData(0, 2, 1, new[] { "0", "1", "2" })]
    [InlineData(3, 3, 1, new[] { "3", "4" })]
    public void Ticks_are_round_numbers(double minimum, double maximum, double smallestStep, string[] expected) =>
        new PlotAxis(minimum, maximum, 0, 100, 5, smallestStep, widenAbove: true).Ticks.Select(tick => tick.Label).ShouldBe(expected);

    [Fact]
    public void Ticks_may_be_given()
    {
        PlotAxis axis = new(-2, 2, 0, 100, [(-1, "low"), (1, "high")]);

        axis.Ticks.Select(tick => axis.Pixel(tick.Value)).ShouldBe([25, 75]);
    }
}
