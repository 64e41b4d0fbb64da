using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.FineTuning.Report;
using Quatrain.Training.Tests.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Report;

public class ScoreHistogramTests
{
    [Fact]
    public void Two_classes_are_told_apart_by_the_probability_of_the_second()
    {
        ScoreHistogram histogram = ScoreHistogram.Of(
            ClassifierEvaluation.Compute([], ExampleSets.Binary((2, 1), (100, 1), (-100, 1), (-0.01f, 0)), ["ham", "spam"]));

        (histogram.FirstName, histogram.SecondName, histogram.Range).ShouldBe(("spam", "ham", 10));
        histogram.First.Sum().ShouldBe(3);
        (histogram.First[0], histogram.First[24], histogram.First[^1]).ShouldBe((1, 1, 1));
        histogram.Second.Sum().ShouldBe(1);
        histogram.Second[19].ShouldBe(1);
    }

    [Fact]
    public void Of_several_classes_right_answers_are_told_from_wrong_ones()
    {
        ScoreHistogram histogram = ScoreHistogram.Of(
            ClassifierEvaluation.Compute([], [new("a", 0, [1, 0, 0]), new("b", 1, [1, 0, 0]), new("c", 2, [0, 0, 4])], ["a", "b", "c"]));

        (histogram.FirstName, histogram.First.Sum(), histogram.Second.Sum()).ShouldBe(("right", 2, 1));
    }
}
