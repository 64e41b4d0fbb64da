using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class ShareIntervalTests
{
    [Theory]
    [InlineData(8, 10, 0.4902, 0.9433)]
    [InlineData(0, 10, 0, 0.2775)]
    [InlineData(10, 10, 0.7225, 1)]
    [InlineData(5, 10, 0.2366, 0.7634)]
    [InlineData(0, 0, 0, 1)]
    public void Wilson_has_the_published_values(int successes, int count, double low, double high)
    {
        ShareInterval interval = ShareInterval.Wilson(successes, count);

        interval.Low.ShouldBe(low, 1e-4);
        interval.High.ShouldBe(high, 1e-4);
    }

    [Fact]
    public void Wilson_of_many_is_narrow()
    {
        ShareInterval interval = ShareInterval.Wilson(1_900_000_000, 2_000_000_000);

        (interval.High - interval.Low).ShouldBeInRange(1e-6, 1e-4);
    }
}
