using Quatrain.Models.Gpt2;
using Quatrain.Training.Data;
using Quatrain.Training.Data.Quatrains;
using Quatrain.Training.Logging;

namespace Quatrain.Training.Runs;

// What a run does between its steps and after the last: evaluates, samples, keeps the best model, and reports.
public sealed partial class TrainingRun
{
    /// <summary>Evaluates and samples where it is time; false when the caller cancelled meanwhile.</summary>
    private bool BetweenSteps(MetricsLog log, CancellationToken cancellation)
    {
        try
        {
            if (IsDue(Options.EvalEvery))
            {
                Evaluate(log, cancellation);
            }
            else if (IsDue(Options.SampleEvery))
            {
                Sample(count: 1, show: true, cancellation);
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Scores the validation part and, for verses, samples; keeps the model if it is the best so far.</summary>
    private void Evaluate(MetricsLog log, CancellationToken cancellation)
    {
        if (_state.EvaluatedStep == _state.Step)
        {
            return;
        }

        bool first = _state.Step == 0;
        VerseScore? score = Sample(first ? FirstSamples : PeriodicSamples, show: IsDue(Options.SampleEvery) || _state.Step == Options.Iterations, cancellation);
        EvaluationWindows windows = first ? _periodicValidation.AtMost(FirstEvalTokens) : _periodicValidation;
        EvaluationResult? result = windows.TargetCount > 0 ? _evaluator.Evaluate(windows, cancellation) : null;
        double? loss = result?.Loss;
        if (loss is not null && !double.IsFinite(loss.Value))
        {
            throw Diverged("The validation loss became NaN or infinite", _state.Step);
        }

        _state = _state with { EvaluatedStep = _state.Step };
        if (loss is null || loss < _state.BestLoss)
        {
            Gpt2Checkpoint.Save(Folder.Path, Model);
            _state = _state with { BestStep = _state.Step, BestLoss = loss ?? double.PositiveInfinity };
        }

        if (loss is not null)
        {
            double bitsPerByte = result!.BitsPerByte(TokenBytes.Count(Data.Tokenizer, windows));
            EvaluationRecord record = new(_state.Step, loss.Value, Data.Floor, score?.ParsedShare, score?.RhymedShare, bitsPerByte);
            _records.Add(record);
            log.Append(record);
            _observer.Evaluated(record);
        }

        LossPlot.Write(Folder.PlotPath, _records, Data.TokenName, PlotTitle());
    }

    private string PlotTitle() => $"{(Options.Preset.Length > 0 ? Options.Preset : Options.Data)}: {Model.Parameters.ElementCount:N0} parameters";

    /// <summary>Draws texts from the model where there is a use for them, shows the first, and scores them where they are verses.</summary>
    private VerseScore? Sample(int count, bool show, CancellationToken cancellation)
    {
        show &= Options.SampleEvery > 0;
        if (!_sampler.Scores && !show)
        {
            return null;
        }

        RunSamples samples;
        try
        {
            samples = _sampler.Draw(_state.Step, _sampler.Scores ? count : 1, cancellation);
        }
        catch (InvalidDataException)
        {
            // Prompt and options are in order, so it is the model's scores that can't be drawn from.
            throw Diverged("The model's scores became NaN or infinite", _state.Step);
        }

        if (show)
        {
            _observer.Sampled(_state.Step, samples.Texts[0]);
        }

        return samples.Score;
    }

    private TrainingReport Report(bool interrupted, CancellationToken cancellation)
    {
        double[] losses = [.. _records.OfType<StepRecord>().TakeLast(StepsAveraged).Select(record => record.Loss)];
        _rates.Sort();
        TrainingReport report = new()
        {
            Steps = _state.Step,
            Interrupted = interrupted,
            TrainLoss = losses.Length > 0 ? losses.Average() : null,
            BestStep = _state.BestStep >= 0 ? _state.BestStep : null,
            Floor = Data.Floor,
            Seconds = Seconds,
            TokensPerSecond = _rates.Count > 0 ? _rates[_rates.Count / 2] : null,
            Parameters = Model.Parameters.ElementCount,
        };
        try
        {
            return interrupted ? report : Final(report, cancellation);
        }
        catch (OperationCanceledException)
        {
            // All is saved; a run that is resumed here does this once more.
            return report with { Interrupted = true };
        }
    }

    /// <summary>
    /// Scores last and best model on the whole validation part. Where evaluations on a part of it had chosen an earlier model and the whole says otherwise,
    /// the last one becomes the best.
    /// </summary>
    private TrainingReport Final(TrainingReport report, CancellationToken cancellation)
    {
        // Two models need no more memory than one in training did.
        _trainer.Dispose();
        double? lastLoss = _validation.TargetCount > 0 ? _evaluator.Evaluate(_validation, cancellation).Loss : null;
        double? bestLoss = lastLoss;
        long bestStep = _state.Step;
        if (lastLoss is not null && _state.BestStep >= 0 && _state.BestStep != _state.Step)
        {
            using Gpt2Model earlier = Gpt2Checkpoint.Load(Folder.Path);
            using Evaluator evaluator = new(earlier, _pool);
            double loss = evaluator.Evaluate(_validation, cancellation).Loss;
            if (loss < lastLoss)
            {
                (bestLoss, bestStep) = (loss, _state.BestStep);
            }
            else
            {
                Gpt2Checkpoint.Save(Folder.Path, Model);
            }
        }

        VerseScore? score = Sample(FinalSamples, show: false, cancellation);
        LossPlot.Write(Folder.PlotPath, _records, Data.TokenName, PlotTitle());
        return report with
        {
            ValidationLoss = lastLoss,
            BestValidationLoss = bestLoss,
            BestBitsPerByte = bestLoss is { } best ? new EvaluationResult(best, _validation.TargetCount).BitsPerByte(_validationBytes) : null,
            BestStep = bestStep,
            ParseShare = score?.ParsedShare,
            RhymeShare = score?.RhymedShare,
            Seconds = Seconds,
        };
    }
}
