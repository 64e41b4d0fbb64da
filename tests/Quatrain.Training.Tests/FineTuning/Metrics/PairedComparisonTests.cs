using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class PairedComparisonTests
{
    [Theory]
    [InlineData(12, 3, 2 * (1 + 15 + 105 + 455) / 32768.0)]
    [InlineData(3, 12, 2 * (1 + 15 + 105 + 455) / 32768.0)]
    [InlineData(0, 0, 1)]
    [InlineData(4, 4, 1)]
    [InlineData(7, 0, 2 / 128.0)]
    public void PValue_is_that_of_a_fair_coin(int onlyFirst, int onlySecond, double expected) =>
        new PairedComparison(onlyFirst, onlySecond).PValue.ShouldBe(expected, 1e-12);

    [Fact]
    public void PValue_of_many_differences_is_a_number()
    {
        new PairedComparison(30_000, 10_000).PValue.ShouldBe(0, 1e-12);
        new PairedComparison(20_100, 19_900).PValue.ShouldBe(0.3197, 1e-3);
    }

    [Fact]
    public void Compute_counts_the_texts_that_only_one_gets_right()
    {
        ScoredExample[] first = ExampleSets.Binary((1, 1), (1, 1), (1, 0), (-1, 0)), second = ExampleSets.Binary((1, 1), (-1, 1), (-1, 0), (1, 0));

        PairedComparison.Compute(Evaluate(first), Evaluate(second)).ShouldBe(new PairedComparison(OnlyFirst: 2, OnlySecond: 1));
    }

    [Fact]
    public void Compute_refuses_other_texts() =>
        Should.Throw<ArgumentException>(() => PairedComparison.Compute(Evaluate(ExampleSets.Binary((1, 1))), Evaluate(ExampleSets.Binary((1, 0)))));

    private static ClassifierEvaluation Evaluate(ScoredExample[] test) => ClassifierEvaluation.Compute([], test, ["no", "yes"]);
}
