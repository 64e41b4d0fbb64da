using FsCheck;
using FsCheck.Fluent;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class CalibrationTests
{
    [Fact]
    public void FitTemperature_makes_three_of_four_right_mean_three_quarters()
    {
        // sigmoid(2 / T) = 3/4 at T = 2 / ln 3.
        ScoredExample[] examples = ExampleSets.Binary((2, 1), (2, 1), (2, 1), (2, 0));

        Calibration.FitTemperature(examples).ShouldBe(2 / Math.Log(3), 1e-12);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void FitTemperature_finds_where_the_slope_vanishes_and_no_neighbour_is_better(int classCount) =>
        Prop.ForAll(ExampleSets.Any(classCount), examples =>
        {
            double temperature = Calibration.FitTemperature(examples);
            temperature.ShouldBeInRange(Calibration.LeastTemperature, Calibration.LargestTemperature);
            if (examples.Length == 0 || examples.All(example => example.Logits[example.Label] == example.Logits.Max()))
            {
                temperature.ShouldBe(1);
                return;
            }

            if (temperature is > Calibration.LeastTemperature and < Calibration.LargestTemperature)
            {
                Calibration.Slope(examples, 1 / temperature).ShouldBe(0, 1e-9);
            }

            double loss = Loss(examples, temperature);
            loss.ShouldBeLessThanOrEqualTo(Loss(examples, Math.Max(temperature * 0.99, Calibration.LeastTemperature)) + 1e-12);
            loss.ShouldBeLessThanOrEqualTo(Loss(examples, Math.Min(temperature * 1.01, Calibration.LargestTemperature)) + 1e-12);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [Fact]
    public void Slope_is_the_derivative_of_the_loss()
    {
        ScoredExample[] examples = ExampleSets.Binary((2, 1), (-1, 1), (0.5f, 0), (3, 0));
        const double B = 0.7, Step = 1e-5;

        double numeric = (Loss(examples, 1 / (B + Step)) - Loss(examples, 1 / (B - Step))) / (2 * Step);

        Calibration.Slope(examples, B).ShouldBe(numeric, 1e-8);
    }

    [Fact]
    public void FitTemperature_stays_within_its_bounds()
    {
        Calibration.FitTemperature(ExampleSets.Binary((5, 0), (5, 0))).ShouldBe(Calibration.LargestTemperature);
        Calibration.FitTemperature(ExampleSets.Binary((0.001f, 1), (0.001f, 1), (0.001f, 1), (0.001f, 0))).ShouldBe(Calibration.LeastTemperature);
    }

    [Fact]
    public void FitTemperature_leaves_1_where_examples_say_nothing()
    {
        Calibration.FitTemperature([]).ShouldBe(1);
        Calibration.FitTemperature(ExampleSets.Binary((3, 1), (-2, 0))).ShouldBe(1);
        Calibration.FitTemperature(ExampleSets.Binary((0, 1), (0, 0))).ShouldBe(1);
    }

    [Fact]
    public void FitTemperature_names_logits_that_are_no_numbers() =>
        Should.Throw<InvalidDataException>(() => Calibration.FitTemperature(ExampleSets.Binary((float.NaN, 1)))).Message.ShouldContain("not finite");

    [Fact]
    public void ReliabilityBins_sort_by_the_probability_of_the_most_probable_class()
    {
        // Confidences 0.6 (right), 0.6 (wrong), 0.9 (right), 0.5 (a tie goes to class 0: wrong).
        ScoredExample[] examples = ExampleSets.Binary((LogOdds(0.6), 1), (LogOdds(0.4), 1), (LogOdds(0.1), 0), (0, 1));

        ReliabilityBin[] bins = Calibration.ReliabilityBins(examples, temperature: 1, bins: 4);

        bins.Select(bin => bin.Count).ShouldBe([0, 1, 2, 1]);
        bins[1].Confidence.ShouldBe(0.5);
        bins[1].Accuracy.ShouldBe(0);
        bins[2].Confidence.ShouldBe(0.6, 1e-7);
        bins[2].Accuracy.ShouldBe(0.5);
        bins[3].ShouldBe(new ReliabilityBin(0.75, 1, 1, bins[3].Confidence, 1));
        Calibration.ExpectedCalibrationError(examples, 1, 4).ShouldBe((0.5 + 2 * 0.1 + 0.1) / 4, 1e-7);
    }

    [Fact]
    public void ExpectedCalibrationError_of_nothing_is_0() => Calibration.ExpectedCalibrationError([], 1).ShouldBe(0);

    private static double Loss(ScoredExample[] examples, double temperature) =>
        examples.Average(example => ClassProbabilities.NegativeLogLikelihood(example.Logits, example.Label, temperature));

    private static float LogOdds(double probability) => (float)Math.Log(probability / (1 - probability));
}
