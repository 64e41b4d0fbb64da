using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class ClassifierEvaluationTests
{
    private static readonly string[] Names = ["ham", "spam"];

    [Fact]
    public void Validation_chooses_and_the_test_part_only_measures()
    {
        ScoredExample[] validation = ExampleSets.Binary((2, 1), (2, 1), (2, 1), (2, 0), (-4, 0)), test = ExampleSets.Binary((9, 0), (1, 1));

        ClassifierEvaluation evaluation = ClassifierEvaluation.Compute(validation, test, Names, positiveClass: 1, maxFalsePositiveRate: 0.5);

        evaluation.Temperature.ShouldBe(Calibration.FitTemperature(validation));
        evaluation.Threshold.ShouldBe(DecisionThreshold.ForMaxFalsePositiveRate(validation, 1, 0.5, evaluation.Temperature));
        evaluation.Rule.ShouldBe(evaluation.Threshold!.Rule);
        evaluation.Validation.FalsePositiveRate.ShouldBe(0.5);
        evaluation.Test.FalsePositiveRate.ShouldBe(1);
    }

    [Fact]
    public void Mistakes_list_the_surest_first_and_equals_in_order()
    {
        ClassifierEvaluation evaluation = ClassifierEvaluation.Compute([], ExampleSets.Binary((1, 0), (3, 0), (-2, 0), (-3, 1), (1, 0), (2, 1)), Names);

        evaluation.Mistakes(10).Select(mistake => mistake.Text).ShouldBe(["text 1", "text 3", "text 0", "text 4"]);
        evaluation.Mistakes(2).Count.ShouldBe(2);
        Mistake surest = evaluation.Mistakes(1)[0];
        (surest.Label, surest.Predicted).ShouldBe((0, 1));
        surest.Probability.ShouldBe(1 / (1 + Math.Exp(-3)), 1e-12);
    }

    [Fact]
    public void A_false_positive_rate_needs_a_positive_class() =>
        Should.Throw<ArgumentException>(() => ClassifierEvaluation.Compute(ExampleSets.Binary((1, 0)), [], Names, maxFalsePositiveRate: 0.1));
}
