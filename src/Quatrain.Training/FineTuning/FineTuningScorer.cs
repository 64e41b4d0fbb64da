using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Training.FineTuning;

/// <summary>Scores the examples of a task that it does not train on.</summary>
public sealed class FineTuningScorer : IDisposable
{
    private readonly FineTuningTask _task;
    private readonly int _batchSize;
    private readonly FrozenPrefix? _prefix;
    private readonly int[] _lengths;
    private readonly Tape _tape;

    /// <summary>A scorer of the validation examples of <paramref name="task"/>.</summary>
    /// <param name="task">What is learned.</param>
    /// <param name="batchSize">Examples at a time.</param>
    /// <param name="prefix">What has the results of the task's frozen stages, or null: they are computed.</param>
    /// <param name="pool">The workers.</param>
    public FineTuningScorer(FineTuningTask task, int batchSize, FrozenPrefix? prefix, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(task);
        (_task, _batchSize, _prefix) = (task, batchSize, prefix);
        _lengths = [.. task.Examples.Select(example => example.Length)];
        _tape = new Tape(pool, recording: false);
    }

    /// <summary>The most bytes that a batch's activations have taken.</summary>
    public long ActivationBytes { get; private set; }

    /// <summary>Scores all of them with the model as it stands.</summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public TaskScore Score(CancellationToken cancellation)
    {
        _task.BeginScore();
        foreach (int[] examples in LengthGroupedBatches.Sorted(_lengths, _task.TrainingCount.., _batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            _tape.Begin();
            PaddedBatch batch = _task.Batch(examples);
            _task.Score(_tape, examples, batch, _task.Input(_tape, examples, batch, _prefix));
            ActivationBytes = Math.Max(ActivationBytes, _tape.BytesUsed);
        }

        return _task.EndScore();
    }

    /// <summary>Frees the activations.</summary>
    public void Dispose() => _tape.Dispose();
}
