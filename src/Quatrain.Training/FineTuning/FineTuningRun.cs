using System.Diagnostics;
using Quatrain.Models.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Logging;
using Quatrain.Training.Runs;

namespace Quatrain.Training.FineTuning;

/// <summary>Is told what happens in a fine-tuning run, for display. Nothing it does changes the run.</summary>
public interface IFineTuningObserver
{
    /// <summary>The frozen part has gone over <paramref name="done"/> of <paramref name="count"/> examples.</summary>
    void Precomputed(int done, int count);

    /// <summary>A step is done, of so many.</summary>
    void StepDone(StepRecord record, long steps);

    /// <summary>The validation examples were scored.</summary>
    void Evaluated(EvaluationRecord record, bool isBest);
}

/// <summary>What a fine-tuning run came to.</summary>
public sealed record FineTuningResult
{
    /// <summary>Whether the caller stopped it; it is saved, and the model is not the final one.</summary>
    public required bool Interrupted { get; init; }

    /// <summary>The steps done.</summary>
    public required long Steps { get; init; }

    /// <summary>The step whose model was the best on validation, and is the result.</summary>
    public required long BestStep { get; init; }

    /// <summary>The steps of an epoch.</summary>
    public required int StepsPerEpoch { get; init; }

    /// <summary>The steps and evaluations.</summary>
    public required IReadOnlyList<MetricRecord> Records { get; init; }

    /// <summary>The weights that train.</summary>
    public required long TrainedParameters { get; init; }

    /// <summary>The bytes of gradients and moments.</summary>
    public required long OptimizerBytes { get; init; }

    /// <summary>The most bytes that a step's activations took.</summary>
    public required long ActivationBytes { get; init; }

    /// <summary>All seconds, earlier parts of a resumed run included.</summary>
    public required double Seconds { get; init; }

    /// <summary>The seconds of an epoch's steps, without evaluations, by the mean step of this part of the run; null where it did none.</summary>
    public required double? SecondsPerEpoch { get; init; }

    /// <summary>The stages of the model that do not train.</summary>
    public required int FrozenStages { get; init; }

    /// <summary>Where the frozen stages' results were kept.</summary>
    public required PrefixCache Cache { get; init; }

    /// <summary>The bytes they took.</summary>
    public required long CachedBytes { get; init; }

    /// <summary>The seconds it took to compute them once.</summary>
    public required double CacheSeconds { get; init; }

    /// <summary>The same for the training examples alone; each epoch would have taken as long more without keeping them.</summary>
    public required double CacheSecondsPerEpoch { get; init; }
}

/// <summary>Fine-tunes in a run folder: trains, scores, keeps the best, saves, and can be stopped at any moment and gone on with.</summary>
/// <remarks>A run that is resumed ends with the same bytes as one that never stopped.</remarks>
public sealed class FineTuningRun : IDisposable
{
    private const int EvaluationsPerEpoch = 2;

    private static readonly TimeSpan SaveEvery = TimeSpan.FromSeconds(30);

    private readonly RunFolder _folder;
    private readonly FineTuningTask _task;
    private readonly IFineTuningObserver _observer;
    private readonly FrozenPrefix? _prefix;
    private readonly FineTuner _tuner;
    private readonly Parameter[] _trained;
    private readonly float[][] _best;
    private readonly List<MetricRecord> _records;
    private readonly List<double> _stepSeconds = [];
    private readonly double _secondsBefore;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly bool _isNew;
    private TrainingState _state;
    private bool _isBestSaved = true;

    /// <summary>A run of <paramref name="task"/> in <paramref name="folder"/>, which is there.</summary>
    /// <param name="folder">Where its state and metrics go.</param>
    /// <param name="task">What is learned.</param>
    /// <param name="options">How.</param>
    /// <param name="pool">The workers.</param>
    /// <param name="observer">Is told what happens.</param>
    /// <param name="resume">Whether to go on from the state in the folder, if there is one.</param>
    /// <exception cref="InvalidDataException">The saved state is damaged or of another run.</exception>
    /// <exception cref="IOException">The cache's file can't be made, or the disk has not the space.</exception>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for gradients and moments.</exception>
    public FineTuningRun(RunFolder folder, FineTuningTask task, FineTuningOptions options, WorkerPool pool, IFineTuningObserver observer, bool resume)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(task);
        (_folder, _task, _observer) = (folder, task, observer);
        _prefix = task.Stage > 0 ? new FrozenPrefix(task, options.Cache, folder.ActivationsPath, pool) : null;
        _tuner = new FineTuner(task, options, _prefix, pool);
        _trained = [.. _tuner.Optimizer.Parameters];
        _best = [.. _trained.Select(parameter => parameter.Tensor.Values.ToArray())];
        _isNew = !(resume && File.Exists(folder.StatePath));
        try
        {
            _state = _isNew ? new TrainingState() : TrainingState.Load(folder.StatePath, _tuner.Optimizer);
            if (_state.Step > _tuner.Steps || _state.EvaluatedStep > _state.Step)
            {
                throw new InvalidDataException($"'{folder.StatePath}' is of step {_state.Step} of another run than this of {_tuner.Steps} steps; begin a new run.");
            }

            if (_state.BestStep >= 0)
            {
                ReadBest();
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        if (!_isNew)
        {
            MetricsLog.TruncateAfter(folder.MetricsPath, _state.Step, _state.EvaluatedStep);
        }

        _records = !_isNew && File.Exists(folder.MetricsPath) ? [.. MetricsLog.Read(folder.MetricsPath)] : [];
        _secondsBefore = _records.OfType<StepRecord>().LastOrDefault()?.Seconds ?? 0;
    }

    private double Seconds => _secondsBefore + Stopwatch.GetElapsedTime(_begun).TotalSeconds;

    private string BestPath => _folder.BestTrainedPath;

    /// <summary>
    /// Trains until the last step, or until the caller cancels; then the run is saved and can be resumed. After the last step the model has the weights that were the
    /// best on validation.
    /// </summary>
    /// <exception cref="TrainingDivergedException">The loss or the gradient became NaN or infinite.</exception>
    /// <exception cref="IOException">A file can't be written; what was saved before is intact.</exception>
    public FineTuningResult Run(CancellationToken cancellation = default)
    {
        using MetricsLog log = _isNew ? MetricsLog.Create(_folder.MetricsPath) : MetricsLog.Resume(_folder.MetricsPath, _state.Step, _state.EvaluatedStep);
        bool isDone = false;
        try
        {
            _prefix?.Precompute(done => _observer.Precomputed(done, _task.Examples.Count), cancellation);
            long saved = Stopwatch.GetTimestamp();
            int every = Math.Max(1, _tuner.StepsPerEpoch / EvaluationsPerEpoch);
            while (!isDone)
            {
                cancellation.ThrowIfCancellationRequested();
                if (_state.EvaluatedStep < _state.Step && (_state.Step % every == 0 || _state.Step == _tuner.Steps))
                {
                    Evaluate(log, cancellation);
                    if (Stopwatch.GetElapsedTime(saved) > SaveEvery)
                    {
                        Save();
                        saved = Stopwatch.GetTimestamp();
                    }
                }

                isDone = _state.Step == _tuner.Steps;
                if (!isDone)
                {
                    Step(log);
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }

        Save();
        if (isDone)
        {
            for (int i = 0; i < _trained.Length; i++)
            {
                _best[i].CopyTo(_trained[i].Tensor.Values);
            }
        }

        return Result(isInterrupted: !isDone);
    }

    /// <summary>Frees gradients, moments, activations and what is cached; the model is the caller's.</summary>
    public void Dispose()
    {
        _tuner.Dispose();
        _prefix?.Dispose();
    }

    private void Step(MetricsLog log)
    {
        long start = Stopwatch.GetTimestamp();
        StepResult result = _tuner.Step();
        if (!double.IsFinite(result.Loss) || !double.IsFinite(result.GradientNorm))
        {
            throw new TrainingDivergedException(
                $"The {(double.IsFinite(result.Loss) ? "gradient" : "loss")} became NaN or infinite at step {_state.Step + 1}; choose a lower --learning-rate and begin a new run.");
        }

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _stepSeconds.Add(seconds);
        _state = _state with { Step = _tuner.Optimizer.Step };
        StepRecord record = new(_state.Step, result.Loss, result.LearningRate, result.GradientNorm, _tuner.LastTokens / seconds, Seconds);
        _records.Add(record);
        log.Append(record);
        _observer.StepDone(record, _tuner.Steps);
    }

    private void Evaluate(MetricsLog log, CancellationToken cancellation)
    {
        TaskScore score = _tuner.Score(cancellation);
        if (!double.IsFinite(score.Loss))
        {
            throw new TrainingDivergedException($"The validation loss became NaN or infinite at step {_state.Step}; choose a lower --learning-rate and begin a new run.");
        }

        bool isBest = score.Criterion < _state.BestLoss;
        _state = _state with { EvaluatedStep = _state.Step };
        if (isBest)
        {
            for (int i = 0; i < _trained.Length; i++)
            {
                _trained[i].Tensor.Values.CopyTo(_best[i]);
            }

            _state = _state with { BestStep = _state.Step, BestLoss = score.Criterion };
            _isBestSaved = false;
        }

        EvaluationRecord record = new(_state.Step, score.Loss, Accuracy: score.Accuracy);
        _records.Add(record);
        log.Append(record);
        _observer.Evaluated(record, isBest);
    }

    private void Save()
    {
        // The best first: a state never names a best model that is not there.
        if (!_isBestSaved)
        {
            SafetensorsWriter.Write(BestPath, [.. _trained.Select((parameter, i) => new SafetensorsTensor(parameter.Name, Shape(parameter), () => _best[i]))]);
            _isBestSaved = true;
        }

        _state.Save(_folder.StatePath, _tuner.Optimizer);
    }

    private void ReadBest()
    {
        using SafetensorsFile file = SafetensorsFile.Open(BestPath);
        IReadOnlyDictionary<string, TensorEntry> entries = TensorInventory.Check(file, _trained.Select(parameter => (parameter.Name, Shape(parameter))), optionalPrefix: "");
        for (int i = 0; i < _trained.Length; i++)
        {
            file.ReadFiniteFloats(entries[_trained[i].Name], _best[i]);
        }
    }

    private static long[] Shape(Parameter parameter) => [.. Enumerable.Range(0, parameter.Tensor.Shape.Rank).Select(i => (long)parameter.Tensor.Shape[i])];

    private FineTuningResult Result(bool isInterrupted)
    {
        // The first step compiles what the others use.
        double[] seconds = [.. _stepSeconds.Skip(_stepSeconds.Count > 1 ? 1 : 0)];
        double trainingShare = (double)_task.Examples.Take(_task.TrainingCount).Sum(example => (long)example.Length) / _task.Examples.Sum(example => (long)example.Length);
        return new FineTuningResult
        {
            Interrupted = isInterrupted,
            Steps = _state.Step,
            BestStep = _state.BestStep,
            StepsPerEpoch = _tuner.StepsPerEpoch,
            Records = _records,
            TrainedParameters = _trained.Sum(parameter => (long)parameter.Tensor.Shape.ElementCount),
            OptimizerBytes = 3 * _task.Stores.Sum(store => store.GradientBufferLength) * sizeof(float),
            ActivationBytes = _tuner.ActivationBytes,
            Seconds = Seconds,
            SecondsPerEpoch = seconds.Length > 0 ? seconds.Average() * _tuner.StepsPerEpoch : null,
            FrozenStages = _task.Stage,
            Cache = _prefix?.Cache ?? PrefixCache.Off,
            CachedBytes = _prefix?.CachedBytes ?? 0,
            CacheSeconds = _prefix?.PrecomputeTime.TotalSeconds ?? 0,
            CacheSecondsPerEpoch = (_prefix?.PrecomputeTime.TotalSeconds ?? 0) * trainingShare,
        };
    }
}
