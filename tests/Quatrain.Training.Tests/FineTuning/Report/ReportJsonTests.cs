using System.Text.Json;
using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.FineTuning.Report;
using Quatrain.Training.Tests.FineTuning.Metrics;

namespace Quatrain.Training.Tests.FineTuning.Report;

public class ReportJsonTests
{
    [Fact]
    public void Write_gives_every_number_its_name()
    {
        ClassifierReport report = SampleReport.Spam();

        JsonElement json = Write(report);

        ClassificationMetrics test = report.Evaluation.Test;
        Get(json, "test.accuracy").GetDouble().ShouldBe(test.Accuracy!.Value);
        Get(json, "test.f1").GetDouble().ShouldBe(test.F1!.Value);
        Get(json, "test.precision").GetDouble().ShouldBe(test.Precision!.Value);
        Get(json, "test.recall").GetDouble().ShouldBe(test.Recall!.Value);
        Get(json, "test.roc_auc").GetDouble().ShouldBe(test.RocAuc!.Value);
        Get(json, "test.log_loss").GetDouble().ShouldBe(test.LogLoss!.Value);
        Get(json, "test.brier").GetDouble().ShouldBe(test.Brier!.Value);
        Get(json, "test.calibration_error").GetDouble().ShouldBe(test.CalibrationError!.Value);
        Get(json, "test.confusion_matrix")[1][0].GetInt32().ShouldBe(test.Confusion[1, 0]);
        Get(json, "test.classes")[1].GetProperty("support").GetInt32().ShouldBe(test.Classes[1].Support);
        Get(json, "test.accuracy_interval")[0].GetDouble().ShouldBe(test.AccuracyInterval.Low);
        Get(json, "validation.f1").GetDouble().ShouldBe(report.Evaluation.Validation.F1!.Value);
        Get(json, "baseline.test.f1").GetDouble().ShouldBe(report.Baseline!.Evaluation.Test.F1!.Value);
        Get(json, "baseline.comparison.p_value").GetDouble().ShouldBe(PairedComparison.Compute(report.Evaluation, report.Baseline.Evaluation).PValue);
        Get(json, "positive").GetString().ShouldBe("spam");
        Get(json, "temperature").GetDouble().ShouldBe(report.Evaluation.Temperature);
        Get(json, "threshold.positive").GetString().ShouldBe("spam");
        Get(json, "threshold.value").GetDouble().ShouldBe(report.Evaluation.Threshold!.Value);
        Get(json, "threshold.wish").GetDouble().ShouldBe(0.01);
        Get(json, "threshold.validation.false_positive_rate").GetDouble().ShouldBe(report.Evaluation.Threshold.FalsePositiveRate);
        Get(json, "threshold.validation.negatives").GetInt32().ShouldBe(report.Evaluation.Threshold.Negatives);
        Get(json, "seconds").GetDouble().ShouldBe(184.2);
        Get(json, "examples_per_second").GetDouble().ShouldBe(97.3);
        Get(json, "best_epoch").GetDouble().ShouldBe(2.5);
        Get(json, "prefix_cache.bytes").GetInt64().ShouldBe(734_003_200);
        Get(json, "curve").GetArrayLength().ShouldBe(17);
        Get(json, "curve")[0].GetProperty("training_loss").ValueKind.ShouldBe(JsonValueKind.Null);
        Get(json, "data.parts.test.spam").GetInt32().ShouldBe(150);
        Get(json, "options.learning-rate").GetString().ShouldBe("5e-05");
        Get(json, "mistake_count").GetInt32().ShouldBe(test.Count - test.Confusion.Correct);
        Get(json, "mistakes").GetArrayLength().ShouldBe(Math.Min(100, test.Count - test.Confusion.Correct));
    }

    [Fact]
    public void What_there_is_not_is_null()
    {
        ClassifierReport report = SampleReport.Topics();

        JsonElement json = Write(report with { Evaluation = ClassifierEvaluation.Compute([], [], report.Evaluation.LabelNames) });

        foreach (string name in new[] { "test.accuracy", "test.f1", "test.roc_auc", "test.brier", "threshold", "baseline", "prefix_cache", "best_epoch", "positive" })
        {
            Get(json, name).ValueKind.ShouldBe(JsonValueKind.Null, name);
        }
    }

    [Fact]
    public void Hostile_texts_and_odd_numbers_stay_json()
    {
        ClassifierReport report = SampleReport.Topics() with
        {
            Training = new TrainingSummary([new(double.NaN, 1, double.NaN, double.PositiveInfinity, 0.5)], double.NaN, double.NaN, double.PositiveInfinity),
        };

        JsonElement json = Write(report);

        json.GetProperty("title").GetString().ShouldBe(SampleReport.HostileText.Replace('\uD800', '\uFFFD').Replace("\uFFFD\uFFFD", "\uFFFD", StringComparison.Ordinal), StringCompareShould.IgnoreLineEndings);
        Get(json, "curve")[0].GetProperty("training_loss").ValueKind.ShouldBe(JsonValueKind.Null);
        Get(json, "seconds").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public void One_text_of_each_kind_of_answer_is_enough()
    {
        ClassifierReport report = SampleReport.Spam(null) with { Baseline = null };
        ScoredExample[] sure = ExampleSets.Binary((900, 1), (900, 0));

        JsonElement json = Write(report with { Evaluation = ClassifierEvaluation.Compute(sure, sure, ["ham", "spam"], positiveClass: 1, maxFalsePositiveRate: 0) });

        Get(json, "test.f1").GetDouble().ShouldBe(0);
        Get(json, "test.precision").ValueKind.ShouldBe(JsonValueKind.Null);
        Get(json, "threshold.value").GetDouble().ShouldBeGreaterThan(0);
    }

    private static JsonElement Get(JsonElement json, string path) => path.Split('.').Aggregate(json, (element, name) => element.GetProperty(name));

    private static JsonElement Write(ClassifierReport report)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            ReportJson.Write(writer, report);
        }

        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }
}
