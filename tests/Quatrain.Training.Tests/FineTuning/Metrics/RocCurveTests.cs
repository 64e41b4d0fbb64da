using FsCheck;
using FsCheck.Fluent;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class RocCurveTests
{
    [Fact]
    public void Points_and_area_of_a_small_case()
    {
        RocCurve curve = RocCurve.Compute(ExampleSets.Binary((3, 1), (2, 0), (1, 1), (1, 0), (0, 0)), positiveClass: 1);

        curve.Points.ShouldBe([new(0, 0), new(0, 0.5), new(1 / 3.0, 0.5), new(2 / 3.0, 1), new(1, 1)]);
        // Of six pairs, four won, one lost, one tied.
        curve.Auc.ShouldBe(4.5 / 6);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Area_is_the_share_of_pairs_in_order_and_the_area_below_the_points(int classCount) =>
        Prop.ForAll(ExampleSets.Any(classCount), examples =>
        {
            RocCurve curve = RocCurve.Compute(examples, positiveClass: 1, temperature: 2);

            double[] positives = Scores(1), negatives = [.. Scores(0), .. Scores(2)];
            if (positives.Length == 0 || negatives.Length == 0)
            {
                curve.Auc.ShouldBeNull();
                curve.Points.ShouldBeEmpty();
                return;
            }

            double won = positives.Sum(high => negatives.Sum(low => high > low ? 1 : high == low ? 0.5 : 0));
            curve.Auc!.Value.ShouldBe(won / (positives.Length * negatives.Length), 1e-12);
            double below = curve.Points.Zip(curve.Points.Skip(1))
                .Sum(pair => (pair.Second.FalsePositiveRate - pair.First.FalsePositiveRate) * (pair.First.TruePositiveRate + pair.Second.TruePositiveRate) / 2);
            curve.Auc!.Value.ShouldBe(below, 1e-12);
            curve.Points[^1].ShouldBe(new RocPoint(1, 1));

            double[] Scores(int label) =>
                [.. examples.Where(example => example.Label == label).Select(example => ClassProbabilities.LogOdds(example.Logits, 1, 2))];
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [Theory]
    [InlineData(new[] { 1f, 2f }, 1.0)]
    [InlineData(new[] { 2f, 1f }, 0.0)]
    [InlineData(new[] { 1f, 1f }, 0.5)]
    public void Perfect_reversed_and_identical_scores(float[] scores, double area) =>
        RocCurve.Compute(ExampleSets.Binary((scores[0], 0), (scores[1], 1)), 1).Auc.ShouldBe(area);

    [Fact]
    public void Scores_whose_probabilities_round_to_1_are_still_told_apart() =>
        RocCurve.Compute(ExampleSets.Binary((60, 0), (61, 1)), 1, temperature: 0.05).Auc.ShouldBe(1);
}
