using System.Globalization;
using Quatrain.Inference.Classification;
using Quatrain.Training.FineTuning.Baselines;
using Quatrain.Training.Logging;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>The report of a run that has made a classifier.</summary>
public static class ReportOfRun
{
    /// <summary>Puts together what the run was and what came of it.</summary>
    /// <param name="training">The run.</param>
    /// <param name="outcome">What it came to; it was not interrupted.</param>
    public static ClassifierReport Make(ClassifierTraining training, ClassifierOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(outcome);
        if (outcome.Evaluation is not { } evaluation)
        {
            throw new ArgumentException("The run was interrupted, so there is nothing to report.", nameof(outcome));
        }

        ClassifierOptions options = training.Options;
        return new ClassifierReport
        {
            Title = $"Classifier of {Path.GetFileName(options.Data)}",
            Model = FormattableString.Invariant(
                $"{options.Model}: {training.Config.LayerCount} layers, {training.Config.EmbeddingSize} wide, {training.Parameters:N0} parameters"),
            Trained = FormattableString.Invariant($"{InWords(options)}: {outcome.Result.TrainedParameters:N0} parameters"),
            Options = [.. Options(training)],
            Data = new DataSummary(
                Path.GetFileName(options.Data),
                Column(training.Texts.TextColumnName),
                Column(training.Texts.LabelColumnName),
                [new("training", training.Split.TrainingCounts), new("validation", training.Split.ValidationCounts), new("test", training.Split.TestCounts)],
                training.Texts.EmptyTexts,
                training.TruncatedTexts,
                training.Split.DuplicatesAcrossParts),
            Training = Training(training, outcome.Result),
            Evaluation = evaluation,
            Baseline = outcome.Baseline is { } baseline ? new BaselineSummary(NgramBaseline.Name, outcome.BaselineSeconds, baseline) : null,
        };
    }

    private static string Column(string name) => name.All(char.IsAsciiDigit) ? $"column {name}" : name;

    private static string InWords(ClassifierOptions options) => options.Train switch
    {
        "all" => "all weights and the head",
        "head" => "the head alone",
        ClassifierOptions.Lora => string.Create(
            CultureInfo.InvariantCulture, $"LoRA adapters of rank {options.Adapters.Rank} on {string.Join(", ", options.Adapters.Targets)}, and the head"),
        _ => $"the last blocks ({options.Train}), the last norm and the head",
    };

    private static IEnumerable<ReportOption> Options(ClassifierTraining training)
    {
        ClassifierOptions options = training.Options;
        FineTuningOptions tuning = options.Tuning;
        yield return new("train", options.Train);
        yield return new("pooling", ClassifierSettings.NameOf(options.Pooling));
        yield return new("max length", Number(training.MaxLength));
        yield return new("balance", options.Balance ? "yes" : "no");
        yield return new("class weights", options.ClassWeights ? "yes" : "no");
        yield return new("epochs", Number(tuning.Epochs));
        yield return new("batch size", Number(tuning.BatchSize));
        yield return new("learning rate", Number(tuning.LearningRate ?? 0));
        yield return new("warm-up", Number(tuning.WarmupShare));
        yield return new("weight decay", Number(tuning.WeightDecay));
        yield return new("gradient clip", Number(tuning.GradientClip));
        yield return new("dropout", Number(tuning.Dropout));
        yield return new("seed", Number(tuning.Seed));
    }

    private static string Number(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);

    private static TrainingSummary Training(ClassifierTraining training, FineTuningResult result)
    {
        List<CurvePoint> curve = [];
        List<double> losses = [];
        long perStep = training.Options.Tuning.BatchSize, count = training.Split.Training.Count;
        foreach (MetricRecord record in result.Records)
        {
            if (record is StepRecord step)
            {
                losses.Add(step.Loss);
            }
            else if (record is EvaluationRecord evaluation)
            {
                double epoch = (double)record.Step / result.StepsPerEpoch;
                curve.Add(new CurvePoint(epoch, (long)Math.Min(record.Step * perStep, epoch * count), losses.Count > 0 ? losses.Average() : null, evaluation.ValidationLoss, evaluation.Accuracy));
                losses.Clear();
            }
        }

        double? perEpoch = result.SecondsPerEpoch;
        PrefixCacheSummary? cache = result.CachedBytes == 0 ? null : new PrefixCacheSummary(
            result.CachedBytes, result.CacheSeconds, perEpoch is { } seconds ? (seconds + result.CacheSecondsPerEpoch) / seconds : null);
        return new TrainingSummary(curve, (double)result.BestStep / result.StepsPerEpoch, result.Seconds, perEpoch is { } s ? count / s : 0, cache);
    }
}
