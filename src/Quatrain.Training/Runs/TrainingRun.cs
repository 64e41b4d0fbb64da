using System.Diagnostics;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Data;
using Quatrain.Training.Logging;
using Quatrain.Training.Options;

namespace Quatrain.Training.Runs;

/// <summary>
/// A training run in a folder: trains, evaluates, samples, saves, and can be stopped at any moment and gone on with.
/// </summary>
/// <remarks>
/// Between two steps the order is fixed: sample, evaluate, save. A run that is resumed repeats what followed its last save, and so ends with the same bytes
/// as one that never stopped; only the timings in metrics.jsonl differ.
/// </remarks>
public sealed partial class TrainingRun : IDisposable
{
    private const int PeriodicSamples = 32;
    private const int FinalSamples = 200;
    private const int StepsAveraged = 50;

    // Caches for each of those numbers of samples are kept.
    private const int VersesSampled = FirstSamples + PeriodicSamples + FinalSamples;

    // Before the first step the weights are noise: a rough loss and one sample show it as well, and the first step need not wait for more.
    private const int FirstSamples = 1;
    private const int FirstEvalTokens = 4096;

    private readonly WorkerPool _pool;
    private readonly ITrainingObserver _observer;
    private readonly Trainer _trainer;
    private readonly Evaluator _evaluator;
    private readonly RunSampler _sampler;
    private readonly EvaluationWindows _validation;
    private readonly EvaluationWindows _periodicValidation;
    private readonly List<MetricRecord> _records;
    private readonly List<double> _rates = [];
    private readonly double _secondsBefore;
    private readonly Action _sliceDone;
    private readonly long _validationBytes;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private TrainingState _state;
    private long _savedStep;
    private long _stepBegun;
    private double _shareBefore;

    private TrainingRun(
        RunFolder folder, TrainingOptions options, TrainingData data, Gpt2Model model, WorkerPool pool, ITrainingObserver observer, bool resume)
    {
        (Folder, Options, Data, Model, _pool, _observer) = (folder, options, data, model, pool, observer);
        _trainer = new Trainer(model, data.Tokens, options, pool);
        _evaluator = new Evaluator(model, pool);
        _sampler = new RunSampler(model, data, options, pool);
        _validation = data.Tokens.ValidationWindows(options.ContextLength);
        _periodicValidation = _validation.AtMost(options.EvalTokens);
        _state = resume ? TrainingState.Load(folder.StatePath, _trainer.Optimizer) : new TrainingState();
        if (_state.SlicesDone >= _trainer.SlicesPerStep)
        {
            throw new InvalidDataException($"'{folder.StatePath}' has {_state.SlicesDone} slices of a step done, but a step has only {_trainer.SlicesPerStep}; begin a new run, or restore the file.");
        }

        _trainer.ResumeStep(_state.SlicesDone, _state.LossOfSlices);
        _sliceDone = ReportSlice;
        _validationBytes = TokenBytes.Count(data.Tokenizer, _validation);
        if (resume)
        {
            MetricsLog.TruncateAfter(folder.MetricsPath, _state.Step, _state.EvaluatedStep);
        }

        _records = resume && File.Exists(folder.MetricsPath) ? [.. MetricsLog.Read(folder.MetricsPath)] : [];
        _secondsBefore = _records.OfType<StepRecord>().LastOrDefault()?.Seconds ?? 0;
    }

    /// <summary>The most samples whose caches a run with <paramref name="options"/> keeps.</summary>
    internal static int SampleCaches(TrainingOptions options) =>
        options is { Data: TrainingOptions.QuatrainsData, Tokenizer: TrainingOptions.CharacterTokens } ? VersesSampled : options.SampleEvery > 0 ? 1 : 0;

    /// <summary>The run's files.</summary>
    public RunFolder Folder { get; }

    /// <summary>Every option.</summary>
    public TrainingOptions Options { get; }

    /// <summary>What it trains on.</summary>
    public TrainingData Data { get; }

    /// <summary>What the run holds in memory.</summary>
    public required TrainingMemory Memory { get; init; }

    /// <summary>The bytes there were when the run was set up, its text already loaded.</summary>
    public required long AvailableBytes { get; init; }

    /// <summary>The model as it stands.</summary>
    public Gpt2Model Model { get; }

    private double Seconds => _secondsBefore + Stopwatch.GetElapsedTime(_begun).TotalSeconds;

    /// <summary>Trains until the last step, or until the caller cancels; then the run is saved and can be resumed.</summary>
    /// <exception cref="TrainingDivergedException">The loss became NaN or infinite; the message has the step and the last good checkpoint.</exception>
    /// <exception cref="IOException">A file can't be written; what was saved before is intact.</exception>
    public TrainingReport Run(CancellationToken cancellation = default)
    {
        _observer.Started(this, _state.Step);
        bool isNew = _state is { Step: 0, EvaluatedStep: < 0 };
        using MetricsLog log = isNew
            ? MetricsLog.Create(Folder.MetricsPath)
            : MetricsLog.Resume(Folder.MetricsPath, _state.Step, _state.EvaluatedStep);
        if (isNew)
        {
            _records.Clear();
        }

        _savedStep = _state.Step;
        while (true)
        {
            bool last = _state.Step == Options.Iterations;
            bool stop = cancellation.IsCancellationRequested || (!last && !BetweenSteps(log, cancellation));
            if (stop || last || (IsDue(Options.CheckpointEvery) && _state.Step > _savedStep))
            {
                if (last && !stop)
                {
                    Evaluate(log, CancellationToken.None);
                }

                Save();
            }

            if (stop || last)
            {
                return Report(stop, cancellation);
            }

            Step(log, cancellation);
        }
    }

    /// <summary>Frees the run's memory, the model's included.</summary>
    public void Dispose()
    {
        _sampler.Dispose();
        _evaluator.Dispose();
        _trainer.Dispose();
        Model.Dispose();
    }

    private void Save()
    {
        // What has diverged in the middle of a step is better done again than kept.
        bool keepsSlices = _trainer.SlicesDone > 0 && double.IsFinite(_trainer.LossOfSlices) && double.IsFinite(_trainer.Optimizer.GradientNorm(_pool));
        _state = _state with { SlicesDone = keepsSlices ? _trainer.SlicesDone : 0, LossOfSlices = keepsSlices ? _trainer.LossOfSlices : 0 };
        _state.Save(Folder.StatePath, _trainer.Optimizer);
        _savedStep = _state.Step;
    }

    private bool IsDue(int every) => every > 0 && _state.Step % every == 0;

    /// <summary>Does a step, or as much of it as there is time for before the caller cancels.</summary>
    private void Step(MetricsLog log, CancellationToken cancellation)
    {
        _stepBegun = Stopwatch.GetTimestamp();
        _shareBefore = _trainer.ShareDone;
        if (!_trainer.TryStep(_sliceDone, cancellation, out StepResult result))
        {
            return;
        }

        if (!double.IsFinite(result.Loss))
        {
            throw Diverged("The loss became NaN or infinite", _state.Step + 1);
        }

        if (!double.IsFinite(result.GradientNorm))
        {
            throw Diverged("The gradient became NaN or infinite", _state.Step + 1);
        }

        _state = _state with { Step = _trainer.Optimizer.Step };
        double rate = Rate(share: 1);
        _rates.Add(rate);
        StepRecord record = new(_state.Step, result.Loss, result.LearningRate, result.GradientNorm, rate, Seconds);
        _records.Add(record);
        log.Append(record);
        _observer.StepDone(record);
    }

    private void ReportSlice()
    {
        double share = _trainer.ShareDone;
        _observer.SliceDone(new StepProgress(_state.Step + 1, share, _trainer.LossOfSlices / share, Rate(share)));
    }

    /// <summary>Tokens a second in this step, of which a part may have been done before it was interrupted.</summary>
    private double Rate(double share) => (share - _shareBefore) * _trainer.TokensPerStep / Stopwatch.GetElapsedTime(_stepBegun).TotalSeconds;

    private TrainingDivergedException Diverged(string what, long step)
    {
        // A checkpoint of this very step holds the weights that failed.
        string saved = _savedStep > 0 && _savedStep < _state.Step ? $"the last good checkpoint is of step {_savedStep}, '{Folder.StatePath}'"
            : _state.BestStep >= 0 ? $"the last good model is the best one, of step {_state.BestStep}, in '{Folder.Path}'"
            : "no good checkpoint had been saved yet";
        return new TrainingDivergedException(
            $"{what} at step {step}; {saved}. Lower --learning-rate, or clip more with --gradient-clip, and begin a new run.");
    }
}
