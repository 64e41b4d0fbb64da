using System.Text.Json;
using Quatrain.Tests;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Metrics;

public class ClassificationMetricsTests
{
    private static readonly string[] TwoNames = ["ham", "spam"];

    [Fact]
    public void A_case_by_hand()
    {
        // 3 found, 1 missed; 2 false alarms, 4 left alone.
        ClassificationMetrics metrics = Compute(
            [.. ExampleSets.Binary((1, 1), (1, 1), (1, 1), (-1, 1), (1, 0), (1, 0), (-1, 0), (-1, 0), (-1, 0), (-1, 0))], positiveClass: 1);

        metrics.Count.ShouldBe(10);
        metrics.Accuracy.ShouldBe(0.7);
        metrics.AccuracyInterval.ShouldBe(ShareInterval.Wilson(7, 10));
        metrics.Precision.ShouldBe(3 / 5.0);
        metrics.Recall.ShouldBe(3 / 4.0);
        metrics.F1.ShouldBe(6 / 9.0);
        metrics.MacroF1!.Value.ShouldBe((6 / 9.0 + 8 / 11.0) / 2, 1e-15);
        metrics.FalsePositiveRate.ShouldBe(2 / 6.0);
        (metrics.Confusion[0, 0], metrics.Confusion[0, 1], metrics.Confusion[1, 0], metrics.Confusion[1, 1]).ShouldBe((4, 2, 1, 3));
        metrics.Classes[1].ShouldBe(new ClassMetrics("spam", Support: 4, Predicted: 5, TruePositives: 3));
        // 3 x 4 pairs won, 3 x 2 and 1 x 4 tied, 1 x 2 lost.
        metrics.RocAuc!.Value.ShouldBe((12 + 5) / 24.0, 1e-15);
        double p = 1 / (1 + Math.Exp(-1));
        metrics.LogLoss!.Value.ShouldBe(-(7 * Math.Log(p) + 3 * Math.Log(1 - p)) / 10, 1e-12);
        metrics.Brier!.Value.ShouldBe((7 * (1 - p) * (1 - p) + 3 * p * p) / 10, 1e-12);
        metrics.CalibrationError!.Value.ShouldBe(Math.Abs(0.7 - p), 1e-12);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_measure_is_numpys(int index)
    {
        using JsonDocument fixture = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "classification.json")));
        JsonElement expected = fixture.RootElement.GetProperty("cases")[index];
        int[] labels = expected.GetProperty("labels").Deserialize<int[]>()!;
        float[][] logits = expected.GetProperty("logits").Deserialize<float[][]>()!;
        ScoredExample[] examples = [.. labels.Zip(logits, (label, row) => new ScoredExample("text", label, row))];

        double temperature = Calibration.FitTemperature(examples);
        ClassificationMetrics metrics = ClassificationMetrics.Compute(
            examples, [.. Enumerable.Range(0, logits[0].Length).Select(i => $"class {i}")], temperature, DecisionRule.MostProbable);

        // Golden section knows a minimum to half the digits.
        temperature.ShouldBe(expected.GetProperty("temperature").GetDouble(), 1e-6);
        for (int label = 0; label < metrics.Classes.Length; label++)
        {
            Enumerable.Range(0, metrics.Classes.Length).Select(predicted => metrics.Confusion[label, predicted])
                .ShouldBe(expected.GetProperty("confusion_matrix")[label].Deserialize<int[]>()!);
            metrics.Classes[label].Precision!.Value.ShouldBe(expected.GetProperty("precision")[label].GetDouble(), 1e-12);
            metrics.Classes[label].Recall!.Value.ShouldBe(expected.GetProperty("recall")[label].GetDouble(), 1e-12);
            metrics.Classes[label].F1!.Value.ShouldBe(expected.GetProperty("f1")[label].GetDouble(), 1e-12);
        }

        metrics.Accuracy!.Value.ShouldBe(Number("accuracy"), 1e-12);
        metrics.MacroF1!.Value.ShouldBe(Number("macro_f1"), 1e-12);
        metrics.F1.ShouldBe(metrics.MacroF1);
        metrics.RocAuc!.Value.ShouldBe(Number("roc_auc"), 1e-12);
        metrics.LogLoss!.Value.ShouldBe(Number("log_loss"), 1e-12);
        metrics.UncalibratedLogLoss!.Value.ShouldBe(Number("log_loss_uncalibrated"), 1e-12);
        metrics.Brier!.Value.ShouldBe(Number("brier"), 1e-6);
        metrics.CalibrationError!.Value.ShouldBe(Number("calibration_error"), 1e-6);
        metrics.UncalibratedCalibrationError!.Value.ShouldBe(Number("calibration_error_uncalibrated"), 1e-12);

        double Number(string name) => expected.GetProperty(name).GetDouble();
    }

    [Fact]
    public void A_class_never_predicted_has_no_precision_and_one_that_never_occurs_no_recall()
    {
        ClassificationMetrics metrics = ClassificationMetrics.Compute(
            [new("a", 0, [2, 1, 0]), new("b", 1, [2, 1, 0])], ["a", "b", "c"], 1, DecisionRule.MostProbable);

        metrics.Classes[1].Precision.ShouldBeNull();
        metrics.Classes[1].F1.ShouldBe(0);
        metrics.Classes[2].Recall.ShouldBeNull();
        metrics.Classes[2].F1.ShouldBeNull();
        metrics.MacroF1!.Value.ShouldBe((2 / 3.0 + 0) / 2, 1e-15);
        metrics.RocCurves.Select(curve => curve.Auc).ShouldBe([0.5, 0.5, null]);
        metrics.RocAuc.ShouldBe(0.5);
    }

    [Fact]
    public void No_texts_have_no_measures()
    {
        ClassificationMetrics metrics = Compute([], positiveClass: 1);

        new[] { metrics.Accuracy, metrics.F1, metrics.MacroF1, metrics.RocAuc, metrics.LogLoss, metrics.Brier, metrics.CalibrationError, metrics.FalsePositiveRate }
            .ShouldAllBe(value => value == null);
    }

    [Fact]
    public void Perfect_separation_is_perfect()
    {
        ClassificationMetrics metrics = Compute([.. ExampleSets.Binary((500, 1), (-500, 0))], positiveClass: 1);

        (metrics.Accuracy, metrics.F1, metrics.RocAuc, metrics.LogLoss, metrics.Brier, metrics.CalibrationError).ShouldBe((1, 1, 1, 0, 0, 0));
    }

    [Fact]
    public void A_positive_class_among_three_is_told_from_the_rest()
    {
        ScoredExample[] examples = [new("a", 0, [3, 0, 0]), new("b", 1, [0, 1, 2]), new("c", 2, [0, 1.5f, 2])];

        ClassificationMetrics metrics = ClassificationMetrics.Compute(examples, ["a", "b", "c"], 1, DecisionRule.ByThreshold(1, 0.2), positiveClass: 1);

        (metrics.Precision, metrics.Recall, metrics.FalsePositiveRate).ShouldBe((0.5, 1, 0.5));
        metrics.RocCurves.ShouldHaveSingleItem().PositiveClass.ShouldBe(1);
        metrics.RocAuc.ShouldBe(0.5);
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(-1, 2)]
    [InlineData(0, 3)]
    public void Examples_must_fit_the_classes(int label, int logits) =>
        Should.Throw<ArgumentException>(() => Compute([new ScoredExample("text", label, new float[logits])], positiveClass: null));

    private static ClassificationMetrics Compute(ScoredExample[] examples, int? positiveClass) =>
        ClassificationMetrics.Compute(examples, TwoNames, 1, DecisionRule.MostProbable, positiveClass);
}
