using System.Text.Json;
using Quatrain.Training.FineTuning.Metrics;
using static Quatrain.Training.FineTuning.Report.MetricsJson;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>A classifier's report as one JSON object. What is not defined is null; NaN and infinities, which JSON lacks, never occur.</summary>
public static class ReportJson
{
    /// <summary>Writes the report as an object.</summary>
    public static void Write(Utf8JsonWriter writer, ClassifierReport report)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(report);
        writer.WriteStartObject();
        WriteProperties(writer, report);
        writer.WriteEndObject();
    }

    /// <summary>Writes the report's properties into the object that has been begun.</summary>
    public static void WriteProperties(Utf8JsonWriter writer, ClassifierReport report)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(report);
        writer.WriteString("title", report.Title);
        writer.WriteString("model", report.Model);
        writer.WriteString("trained", report.Trained);
        WriteStrings(writer, "labels", report.Evaluation.LabelNames);
        WriteEvaluation(writer, report.Evaluation);
        WriteTraining(writer, report.Training);
        WriteBaseline(writer, report);
        WriteData(writer, report);
        writer.WriteStartObject("options");
        foreach (ReportOption option in report.Options)
        {
            writer.WriteString(option.Name, option.Value);
        }

        writer.WriteEndObject();
        WriteMistakes(writer, report.Evaluation);
    }

    /// <summary>Writes metrics as an object, as the report has those of the test part.</summary>
    public static void WriteMetrics(Utf8JsonWriter writer, ClassificationMetrics metrics)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(metrics);
        MetricsJson.Write(writer, metrics);
    }

    private static void WriteEvaluation(Utf8JsonWriter writer, ClassifierEvaluation evaluation)
    {
        WriteName(writer, "positive", evaluation.LabelNames, evaluation.PositiveClass);
        WriteNumber(writer, "temperature", evaluation.Temperature);
        WriteThreshold(writer, evaluation);
        writer.WritePropertyName("test");
        MetricsJson.Write(writer, evaluation.Test);
        writer.WritePropertyName("validation");
        MetricsJson.Write(writer, evaluation.Validation);
    }

    private static void WriteThreshold(Utf8JsonWriter writer, ClassifierEvaluation evaluation)
    {
        if (evaluation.Threshold is not { } threshold)
        {
            writer.WriteNull("threshold");
            return;
        }

        writer.WriteStartObject("threshold");
        writer.WriteString("positive", evaluation.LabelNames[threshold.PositiveClass]);
        WriteNumber(writer, "value", threshold.Value);
        WriteNumber(writer, "wish", threshold.Wish);
        writer.WriteStartObject("validation");
        WriteNumber(writer, "false_positive_rate", threshold.FalsePositiveRate);
        WriteInterval(writer, "false_positive_rate_interval", threshold.FalsePositiveRateInterval);
        WriteNumber(writer, "recall", threshold.Recall);
        writer.WriteNumber("negatives", threshold.Negatives);
        writer.WriteNumber("false_positives", threshold.FalsePositives);
        writer.WriteNumber("positives", threshold.Positives);
        writer.WriteNumber("true_positives", threshold.TruePositives);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteTraining(Utf8JsonWriter writer, TrainingSummary training)
    {
        WriteNumber(writer, "seconds", Math.Round(training.Seconds, 3));
        WriteNumber(writer, "examples_per_second", Math.Round(training.ExamplesPerSecond, 1));
        WriteNumber(writer, "best_epoch", training.BestEpoch);
        if (training.PrefixCache is { } cache)
        {
            writer.WriteStartObject("prefix_cache");
            writer.WriteNumber("bytes", cache.Bytes);
            WriteNumber(writer, "fill_seconds", Math.Round(cache.FillSeconds, 3));
            WriteNumber(writer, "epoch_speedup", cache.EpochSpeedup);
            writer.WriteEndObject();
        }
        else
        {
            writer.WriteNull("prefix_cache");
        }

        writer.WriteStartArray("curve");
        foreach (CurvePoint point in training.Curve)
        {
            writer.WriteStartObject();
            WriteNumber(writer, "epoch", point.Epoch);
            writer.WriteNumber("examples", point.Examples);
            WriteNumber(writer, "training_loss", point.TrainingLoss);
            WriteNumber(writer, "validation_loss", point.ValidationLoss);
            WriteNumber(writer, "validation_accuracy", point.ValidationAccuracy);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteBaseline(Utf8JsonWriter writer, ClassifierReport report)
    {
        if (report.Baseline is not { } baseline)
        {
            writer.WriteNull("baseline");
            return;
        }

        writer.WriteStartObject("baseline");
        writer.WriteString("name", baseline.Name);
        WriteNumber(writer, "seconds", Math.Round(baseline.Seconds, 3));
        WriteEvaluation(writer, baseline.Evaluation);
        PairedComparison paired = PairedComparison.Compute(report.Evaluation, baseline.Evaluation);
        writer.WriteStartObject("comparison");
        writer.WriteNumber("right_only_model", paired.OnlyFirst);
        writer.WriteNumber("right_only_baseline", paired.OnlySecond);
        WriteNumber(writer, "p_value", paired.PValue);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteData(Utf8JsonWriter writer, ClassifierReport report)
    {
        DataSummary data = report.Data;
        writer.WriteStartObject("data");
        writer.WriteString("file", data.FileName);
        writer.WriteString("text_column", data.TextColumn);
        writer.WriteString("label_column", data.LabelColumn);
        writer.WriteStartObject("parts");
        foreach (DataPart part in data.Parts)
        {
            writer.WriteStartObject(part.Name);
            for (int label = 0; label < part.Counts.Count; label++)
            {
                writer.WriteNumber(report.Evaluation.LabelNames[label], part.Counts[label]);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteNumber("empty_texts", data.EmptyTexts);
        writer.WriteNumber("truncated_texts", data.TruncatedTexts);
        writer.WriteNumber("duplicates_across_parts", data.DuplicatesAcrossParts);
        writer.WriteEndObject();
    }

    private static void WriteMistakes(Utf8JsonWriter writer, ClassifierEvaluation evaluation)
    {
        writer.WriteNumber("mistake_count", evaluation.Test.Count - evaluation.Test.Confusion.Correct);
        writer.WriteStartArray("mistakes");
        foreach (Mistake mistake in evaluation.Mistakes(ClassifierReport.MaximumMistakes))
        {
            writer.WriteStartObject();
            writer.WriteString("text", mistake.Text);
            writer.WriteString("label", evaluation.LabelNames[mistake.Label]);
            writer.WriteString("predicted", evaluation.LabelNames[mistake.Predicted]);
            WriteNumber(writer, "probability", mistake.Probability);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteStrings(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }

    private static void WriteName(Utf8JsonWriter writer, string name, IReadOnlyList<string> labels, int? label)
    {
        if (label is { } known)
        {
            writer.WriteString(name, labels[known]);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
