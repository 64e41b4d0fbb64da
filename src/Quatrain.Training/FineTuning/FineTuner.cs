using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Training.FineTuning;

/// <summary>Does fine-tuning's steps: the frozen part's results of a batch of examples, forward, backward, clip, update.</summary>
/// <remarks>A step depends on the weights, the moments, the options and its number alone, and gives the same bits for any number of threads and with any cache.</remarks>
public sealed class FineTuner : IDisposable
{
    // Keeps dropout apart from everything else the seed decides; "drop" in ASCII.
    private const ulong DropoutLabel = 0x64726F70;

    private const double MinimumShare = 0.1;

    private readonly FineTuningTask _task;
    private readonly FineTuningOptions _options;
    private readonly WorkerPool _pool;
    private readonly FrozenPrefix? _prefix;
    private readonly Tape _tape;
    private readonly FineTuningScorer _scorer;
    private readonly int[] _lengths;
    private readonly LearningRateSchedule _schedule;
    private int[][] _batches = [];
    private long _epoch = -1;

    /// <summary>A tuner for <paramref name="task"/>.</summary>
    /// <param name="task">What is learned.</param>
    /// <param name="options">How.</param>
    /// <param name="prefix">The stages below the task's first trained one; null where that is the first of all.</param>
    /// <param name="pool">The workers.</param>
    /// <exception cref="InsufficientMemoryException">The system has not the memory for gradients and moments.</exception>
    public FineTuner(FineTuningTask task, FineTuningOptions options, FrozenPrefix? prefix, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(options);
        if ((prefix?.Stages ?? 0) != task.Stage)
        {
            throw new ArgumentException($"The task's gradients end at stage {task.Stage}, and the prefix has {prefix?.Stages ?? 0}.", nameof(prefix));
        }

        (_task, _options, _prefix, _pool) = (task, options, prefix, pool);
        _lengths = [.. task.Examples.Select(example => example.Length)];
        StepsPerEpoch = LengthGroupedBatches.Count(task.TrainingCount, options.BatchSize);
        int warmup = (int)Math.Ceiling(Steps * options.WarmupShare);
        double rate = options.LearningRate ?? throw new ArgumentException("The learning rate is not resolved.", nameof(options));
        _schedule = new LearningRateSchedule(rate, rate * MinimumShare, warmup, (int)Math.Min(Steps, int.MaxValue));
        Optimizer = new AdamW(task.Stores, new AdamWOptions { Beta2 = 0.999, WeightDecay = options.WeightDecay, GradientClip = options.GradientClip });
        _tape = new Tape(pool, recording: true);
        _scorer = new FineTuningScorer(task, options.BatchSize, prefix, pool);
    }

    /// <summary>The optimizer, with the moments and the number of steps done.</summary>
    public AdamW Optimizer { get; }

    /// <summary>The steps of an epoch.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>All steps.</summary>
    public long Steps => (long)StepsPerEpoch * _options.Epochs;

    /// <summary>The tokens of the last step's examples, padding not counted.</summary>
    public long LastTokens { get; private set; }

    /// <summary>The most bytes that a step's activations have taken.</summary>
    public long ActivationBytes { get; private set; }

    /// <summary>Does the next step. A loss or gradient that is no number leaves the weights as they were, and shows in the result.</summary>
    public StepResult Step()
    {
        long step = Optimizer.Step;
        (long epoch, long number) = Math.DivRem(step, StepsPerEpoch);
        if (epoch != _epoch)
        {
            _batches = LengthGroupedBatches.Make(new ArraySegment<int>(_lengths, 0, _task.TrainingCount), _options.BatchSize, _options.Seed, epoch);
            _epoch = epoch;
        }

        int[] examples = _batches[number];
        foreach (ParameterStore store in _task.Stores)
        {
            store.ForgetGradients();
        }

        _tape.Begin(RandomSource.Mix(_options.Seed, DropoutLabel, (ulong)step));
        PaddedBatch batch = _task.Batch(examples);
        Tensor loss = _task.Loss(_tape, examples, batch, _task.Input(_tape, examples, batch, _prefix));
        double value = loss.Values[0];
        LastTokens = batch.Lengths.Sum();
        _tape.Backward(loss);
        ActivationBytes = Math.Max(ActivationBytes, _tape.BytesUsed);
        double norm = Optimizer.GradientNorm(_pool), learningRate = _schedule.At(step);
        if (double.IsFinite(value) && double.IsFinite(norm))
        {
            Optimizer.Update(learningRate, norm, _pool);
        }

        return new StepResult(value, norm, learningRate);
    }

    /// <summary>Scores the validation examples with the model as it stands.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public TaskScore Score(CancellationToken cancellation) => _scorer.Score(cancellation);

    /// <summary>Frees gradients, moments and activations.</summary>
    public void Dispose()
    {
        _tape.Dispose();
        _scorer.Dispose();
        Optimizer.Dispose();
    }
}
