using FsCheck;
using FsCheck.Fluent;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class DecisionThresholdTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_wish_is_kept_on_the_validation_part_and_no_smaller_threshold_keeps_it(int classCount) =>
        Prop.ForAll(ExampleSets.Any(classCount), Gen.Choose(0, 100).Select(percent => percent / 100.0).ToArbitrary(), (examples, wish) =>
        {
            double[] negatives = [.. examples.Where(example => example.Label != 1).Select(example => ClassProbabilities.Softmax(example.Logits, 1.3)[1])];
            if (negatives.Length == 0)
            {
                return;
            }

            DecisionThreshold threshold = DecisionThreshold.ForMaxFalsePositiveRate(examples, positiveClass: 1, wish, temperature: 1.3);

            threshold.FalsePositiveRate.ShouldBeLessThanOrEqualTo(wish);
            threshold.FalsePositiveRate.ShouldBe(Rate(threshold.Value));
            int positives = examples.Count(example => example.Label == 1);
            threshold.Recall.ShouldBe(positives == 0
                ? null
                : (double)examples.Count(example => example.Label == 1 && threshold.Rule.Decide(ClassProbabilities.Softmax(example.Logits, 1.3)) == 1) / positives);
            foreach (double smaller in negatives.Where(score => score < threshold.Value))
            {
                Rate(smaller).ShouldBeGreaterThan(wish);
            }

            double Rate(double value) => (double)negatives.Count(score => score >= value) / negatives.Length;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Fact]
    public void The_threshold_lies_halfway_between_neighbouring_scores()
    {
        DecisionThreshold threshold = Choose(0.5, (LogOdds(0.1), 0), (LogOdds(0.3), 0), (LogOdds(0.2), 1), (LogOdds(0.9), 1));

        // One of two negatives may pass: just above 0.1, and the next score is 0.2.
        threshold.Value.ShouldBe(0.15, 1e-7);
        threshold.FalsePositives.ShouldBe(1);
        threshold.Negatives.ShouldBe(2);
        threshold.Recall.ShouldBe(1);
    }

    [Fact]
    public void Tied_negatives_fall_on_one_side_together()
    {
        DecisionThreshold threshold = Choose(0.5, (1, 0), (1, 0), (1, 0), (-1, 0), (2, 1), (1, 1));

        threshold.FalsePositives.ShouldBe(0);
        threshold.Recall.ShouldBe(0.5);
    }

    [Theory]
    [InlineData(0.29, 100, 29)]
    [InlineData(0.1, 30, 3)]
    [InlineData(0.07, 100, 7)]
    [InlineData(0.0999, 10, 0)]
    [InlineData(1, 10, 10)]
    public void Rounding_neither_costs_nor_grants_a_false_positive(double rate, int negatives, int allowed) =>
        Choose(rate, [.. Enumerable.Range(0, negatives).Select(i => (i / 50f, 0))]).FalsePositives.ShouldBe(allowed);

    [Fact]
    public void A_wish_for_all_takes_all() => Choose(1, (-5, 0), (-100, 1)).Value.ShouldBe(0);

    [Fact]
    public void Negatives_as_sure_as_can_be_leave_nothing_positive()
    {
        DecisionThreshold threshold = Choose(0, (1000, 0), (1000, 1));

        threshold.Value.ShouldBeGreaterThan(1);
        threshold.FalsePositives.ShouldBe(0);
        threshold.Recall.ShouldBe(0);
    }

    [Fact]
    public void A_few_negatives_promise_little()
    {
        DecisionThreshold threshold = Choose(0.01, [.. Enumerable.Range(0, 20).Select(i => (-1f - i, 0)), (5, 1)]);

        threshold.FalsePositiveRate.ShouldBe(0);
        threshold.FalsePositiveRateInterval.High.ShouldBe(0.1611, 1e-4);
    }

    [Fact]
    public void Without_negatives_no_rate_can_be_kept() =>
        Should.Throw<InvalidDataException>(() => Choose(0.1, (1, 1))).Message.ShouldContain("only texts of the positive class");

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void A_rate_lies_between_0_and_1(double rate) => Should.Throw<ArgumentOutOfRangeException>(() => Choose(rate, (1, 0)));

    private static DecisionThreshold Choose(double rate, params (float LogOdds, int Label)[] examples) =>
        DecisionThreshold.ForMaxFalsePositiveRate(ExampleSets.Binary(examples), positiveClass: 1, rate, temperature: 1);

    private static float LogOdds(double probability) => (float)Math.Log(probability / (1 - probability));
}
