using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class ClassProbabilitiesTests
{
    [Fact]
    public void Softmax_is_exp_over_sum_at_the_temperature()
    {
        double[] probabilities = ClassProbabilities.Softmax([0, (float)Math.Log(3)], temperature: 0.5);

        probabilities[0].ShouldBe(0.1, 1e-7);
        probabilities[1].ShouldBe(0.9, 1e-7);
    }

    [Fact]
    public void Extreme_logits_stay_finite()
    {
        float[] logits = [-3e38f, 3e38f, 0];

        ClassProbabilities.Softmax(logits, 0.05).ShouldBe([0, 1, 0]);
        double.IsFinite(ClassProbabilities.NegativeLogLikelihood(logits, 0, 0.05)).ShouldBeTrue();
        ClassProbabilities.NegativeLogLikelihood(logits, 1, 0.05).ShouldBe(0);
        double.IsFinite(ClassProbabilities.LogOdds(logits, 1, 0.05)).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void LogOdds_is_the_logarithm_of_p_over_1_minus_p(int label)
    {
        float[] logits = [0.5f, -1.25f, 2];
        double p = ClassProbabilities.Softmax(logits, 1.7)[label];

        ClassProbabilities.LogOdds(logits, label, 1.7).ShouldBe(Math.Log(p / (1 - p)), 1e-12);
        ClassProbabilities.NegativeLogLikelihood(logits, label, 1.7).ShouldBe(-Math.Log(p), 1e-12);
    }

    [Fact]
    public void LogOdds_tells_apart_what_rounds_to_1() =>
        ClassProbabilities.LogOdds([0, 60], 1).ShouldBeGreaterThan(ClassProbabilities.LogOdds([0, 50], 1));
}
