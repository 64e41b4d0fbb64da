using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class DecisionRuleTests
{
    [Theory]
    [InlineData(new[] { 0.2, 0.8 }, 1)]
    [InlineData(new[] { 0.5, 0.5 }, 0)]
    [InlineData(new[] { 0.1, 0.45, 0.45 }, 1)]
    public void MostProbable_takes_the_first_of_equals(double[] probabilities, int expected) =>
        DecisionRule.MostProbable.Decide(probabilities).ShouldBe(expected);

    [Theory]
    [InlineData(1, 0.7, new[] { 0.3, 0.7 }, 1)]
    [InlineData(1, 0.7, new[] { 0.31, 0.69 }, 0)]
    [InlineData(0, 0.1, new[] { 0.1, 0.9 }, 0)]
    [InlineData(0, 0.6, new[] { 0.5, 0.2, 0.3 }, 2)]
    [InlineData(1, 0.6, new[] { 0.25, 0.5, 0.25 }, 0)]
    [InlineData(2, 0.6, new[] { 0.2, 0.3, 0.5 }, 1)]
    [InlineData(1, 0, new[] { 1.0, 0.0 }, 1)]
    public void ByThreshold_takes_the_positive_class_from_the_threshold_on(int positive, double threshold, double[] probabilities, int expected) =>
        DecisionRule.ByThreshold(positive, threshold).Decide(probabilities).ShouldBe(expected);
}
