using System.Text.Json;
using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>The measures of one part as a JSON object; what is not defined is null.</summary>
internal static class MetricsJson
{
    public static void Write(Utf8JsonWriter writer, ClassificationMetrics metrics)
    {
        writer.WriteStartObject();
        writer.WriteNumber("count", metrics.Count);
        WriteNumber(writer, "accuracy", metrics.Accuracy);
        WriteInterval(writer, "accuracy_interval", metrics.AccuracyInterval);
        WriteNumber(writer, "precision", metrics.Precision);
        WriteNumber(writer, "recall", metrics.Recall);
        WriteNumber(writer, "f1", metrics.F1);
        writer.WriteString("averaging", metrics.PositiveClass is null ? "macro" : "positive");
        WriteNumber(writer, "macro_f1", metrics.MacroF1);
        WriteNumber(writer, "false_positive_rate", metrics.FalsePositiveRate);
        WriteNumber(writer, "roc_auc", metrics.RocAuc);
        WriteNumber(writer, "log_loss", metrics.LogLoss);
        WriteNumber(writer, "log_loss_uncalibrated", metrics.UncalibratedLogLoss);
        WriteNumber(writer, "brier", metrics.Brier);
        WriteNumber(writer, "calibration_error", metrics.CalibrationError);
        WriteNumber(writer, "calibration_error_uncalibrated", metrics.UncalibratedCalibrationError);
        WriteConfusion(writer, metrics.Confusion);
        writer.WriteStartArray("classes");
        foreach (ClassMetrics entry in metrics.Classes)
        {
            writer.WriteStartObject();
            writer.WriteString("name", entry.Name);
            writer.WriteNumber("support", entry.Support);
            writer.WriteNumber("predicted", entry.Predicted);
            WriteNumber(writer, "precision", entry.Precision);
            WriteNumber(writer, "recall", entry.Recall);
            WriteNumber(writer, "f1", entry.F1);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    public static void WriteInterval(Utf8JsonWriter writer, string name, ShareInterval interval)
    {
        writer.WriteStartArray(name);
        writer.WriteNumberValue(interval.Low);
        writer.WriteNumberValue(interval.High);
        writer.WriteEndArray();
    }

    public static void WriteNumber(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } known && double.IsFinite(known))
        {
            writer.WriteNumber(name, known);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    // Rows are true classes, columns predicted ones.
    private static void WriteConfusion(Utf8JsonWriter writer, ConfusionMatrix matrix)
    {
        writer.WriteStartArray("confusion_matrix");
        for (int label = 0; label < matrix.ClassCount; label++)
        {
            writer.WriteStartArray();
            for (int predicted = 0; predicted < matrix.ClassCount; predicted++)
            {
                writer.WriteNumberValue(matrix[label, predicted]);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }
}
