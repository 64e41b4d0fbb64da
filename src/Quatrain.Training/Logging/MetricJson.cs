using System.Text.Json;

namespace Quatrain.Training.Logging;

/// <summary>Metric records as JSON objects; a number that is not finite stands as null, which JSON has instead.</summary>
internal static class MetricJson
{
    public static void Write(Utf8JsonWriter writer, MetricRecord record)
    {
        writer.WriteStartObject();
        writer.WriteNumber("step", record.Step);
        switch (record)
        {
            case StepRecord step:
                WriteNumber(writer, "loss", step.Loss);
                WriteNumber(writer, "learning_rate", step.LearningRate);
                WriteNumber(writer, "gradient_norm", step.GradientNorm);
                WriteNumber(writer, "tokens_per_second", Math.Round(step.TokensPerSecond, 1));
                WriteNumber(writer, "seconds", Math.Round(step.Seconds, 3));
                break;
            case EvaluationRecord evaluation:
                WriteNumber(writer, "val_loss", evaluation.ValidationLoss);
                WriteKnown(writer, "bits_per_byte", evaluation.BitsPerByte);
                WriteKnown(writer, "floor", evaluation.Floor);
                WriteKnown(writer, "parse_share", evaluation.ParseShare);
                WriteKnown(writer, "rhyme_share", evaluation.RhymeShare);
                WriteKnown(writer, "accuracy", evaluation.Accuracy);
                break;
            default:
                throw new ArgumentException($"No such record is logged: {record.GetType().Name}.", nameof(record));
        }

        writer.WriteEndObject();
    }

    /// <summary>Reads one record; keys of later versions are skipped.</summary>
    public static bool TryParse(ReadOnlySpan<byte> json, out MetricRecord record)
    {
        record = new EvaluationRecord(0, double.NaN);
        try
        {
            return TryParseObject(json, ref record);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    private static bool TryParseObject(ReadOnlySpan<byte> json, ref MetricRecord record)
    {
        Utf8JsonReader reader = new(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        long? step = null;
        double? loss = null, learningRate = null, gradientNorm = null, tokensPerSecond = null, seconds = null;
        double? validationLoss = null, bitsPerByte = null, floor = null, parseShare = null, rhymeShare = null, accuracy = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string? name = reader.GetString();
            reader.Read();
            switch (name)
            {
                case "step": step = reader.GetInt64(); break;
                case "loss": loss = ReadNumber(ref reader); break;
                case "learning_rate": learningRate = ReadNumber(ref reader); break;
                case "gradient_norm": gradientNorm = ReadNumber(ref reader); break;
                case "tokens_per_second": tokensPerSecond = ReadNumber(ref reader); break;
                case "seconds": seconds = ReadNumber(ref reader); break;
                case "val_loss": validationLoss = ReadNumber(ref reader); break;
                case "bits_per_byte": bitsPerByte = ReadNumber(ref reader); break;
                case "floor": floor = ReadNumber(ref reader); break;
                case "parse_share": parseShare = ReadNumber(ref reader); break;
                case "rhyme_share": rhymeShare = ReadNumber(ref reader); break;
                case "accuracy": accuracy = ReadNumber(ref reader); break;
                default: reader.Skip(); break;
            }
        }

        if (reader.TokenType != JsonTokenType.EndObject || reader.Read() || step is null or < 0 || loss is null == validationLoss is null)
        {
            return false;
        }

        record = validationLoss is { } validated
            ? new EvaluationRecord(step.Value, validated, floor, parseShare, rhymeShare, bitsPerByte, accuracy)
            : new StepRecord(
                step.Value,
                loss!.Value,
                learningRate ?? double.NaN,
                gradientNorm ?? double.NaN,
                tokensPerSecond ?? double.NaN,
                seconds ?? double.NaN);
        return true;
    }

    private static double ReadNumber(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

    private static void WriteKnown(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } known)
        {
            WriteNumber(writer, name, known);
        }
    }

    private static void WriteNumber(Utf8JsonWriter writer, string name, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumber(name, value);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
