using System.Diagnostics;
using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Training.FineTuning;

/// <summary>
/// The stages of a model that no gradient reaches. What they make of an example is the same in each epoch, so it is computed once and kept; whether it is kept or computed
/// again changes no bit of it.
/// </summary>
/// <remarks>There is no dropout here: it would only disturb what is not learned.</remarks>
public sealed class FrozenPrefix : IDisposable
{
    private const int MemoryShare = 4;

    // Like the evaluator's batches: enough rows for the kernels' full speed.
    private const int TokensAtOnce = 2048;

    private readonly Gpt2Model _model;
    private readonly IReadOnlyList<int[]> _examples;
    private readonly int _padId;
    private readonly Tape _tape;
    private readonly ActivationStore? _store;
    private readonly bool[] _isStored;

    /// <summary>The first stages of the model of <paramref name="task"/>, as many as no gradient reaches.</summary>
    /// <param name="task">What is trained; it must have at least one such stage.</param>
    /// <param name="cache">Where results are kept.</param>
    /// <param name="cachePath">The file for <see cref="PrefixCache.Disk"/>; its folder must exist.</param>
    /// <param name="pool">The workers.</param>
    /// <exception cref="IOException">The file can't be made, or the disk has not the space.</exception>
    public FrozenPrefix(FineTuningTask task, PrefixCache cache, string cachePath, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(task);
        (_model, _examples, _padId, Stages) = (task.Model, task.Examples, task.PadId, task.Stage);
        _isStored = new bool[_examples.Count];
        long bytes = BytesOf(task);
        Cache = Choose(cache, bytes, SystemMemory.AvailableBytes);
        CachedBytes = Cache == PrefixCache.Off ? 0 : bytes;
        _store = Cache switch
        {
            PrefixCache.Memory => new MemoryActivationStore(_examples.Count),
            PrefixCache.Disk => new FileActivationStore(cachePath, [.. _examples.Select(example => (long)example.Length * Columns)]),
            _ => null,
        };
        _tape = new Tape(pool, recording: false);
    }

    /// <summary>The stages.</summary>
    public int Stages { get; }

    /// <summary>Where results are kept: memory, disk or nowhere.</summary>
    public PrefixCache Cache { get; }

    /// <summary>The bytes that all results take; 0 where none are kept.</summary>
    public long CachedBytes { get; }

    /// <summary>How long <see cref="Precompute"/> took.</summary>
    public TimeSpan PrecomputeTime { get; private set; }

    /// <summary>The examples that <see cref="Precompute"/> has done.</summary>
    public int Precomputed { get; private set; }

    /// <summary>The most bytes that a pass has taken for its activations.</summary>
    public long ActivationBytes { get; private set; }

    private int Columns => _model.Config.EmbeddingSize;

    /// <summary>The bytes of all results.</summary>
    internal static long BytesOf(FineTuningTask task) => task.Examples.Sum(example => (long)example.Length) * task.Model.Config.EmbeddingSize * sizeof(float);

    /// <summary>Where results are kept: what <paramref name="cache"/> says, or by their size and the memory there is.</summary>
    internal static PrefixCache Choose(PrefixCache cache, long bytes, long availableBytes) =>
        cache != PrefixCache.Auto ? cache : bytes <= availableBytes / MemoryShare ? PrefixCache.Memory : PrefixCache.Disk;

    /// <summary>The examples that go through the stages together where results are kept: those of like length, the shortest first.</summary>
    internal static IEnumerable<int[]> Batches(IReadOnlyList<int[]> sequences)
    {
        int[] lengths = [.. sequences.Select(sequence => sequence.Length)];
        int[] order = [.. Enumerable.Range(0, lengths.Length).OrderBy(example => lengths[example])];
        int position = 0;
        while (position < order.Length)
        {
            int count = 1;
            while (position + count < order.Length && (count + 1) * lengths[order[position + count]] <= TokensAtOnce)
            {
                count++;
            }

            yield return order[position..(position + count)];
            position += count;
        }
    }

    /// <summary>Computes and keeps the results of all examples; does nothing where none are kept.</summary>
    /// <param name="done">Is told how many examples are done.</param>
    /// <param name="cancellation">Ends the work between two batches.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public void Precompute(Action<int>? done, CancellationToken cancellation)
    {
        if (_store is null)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        Precomputed = 0;
        foreach (int[] examples in Batches(_examples))
        {
            cancellation.ThrowIfCancellationRequested();
            PaddedBatch batch = new([.. examples.Select(example => _examples[example])], _padId);
            ReadOnlySpan<float> values = Compute(batch).Values;
            for (int b = 0; b < examples.Length; b++)
            {
                _store.Write(examples[b], values.Slice(b * batch.Length * Columns, batch.Lengths[b] * Columns));
                _isStored[examples[b]] = true;
            }

            Precomputed += examples.Length;
            done?.Invoke(Precomputed);
        }

        PrecomputeTime = Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Fills <paramref name="x"/> with the stages' results for a batch; padding becomes zero.</summary>
    /// <param name="x">[B, T, C].</param>
    /// <param name="examples">The index of each example.</param>
    /// <param name="batch">Their tokens.</param>
    public void Fill(Tensor x, IReadOnlyList<int> examples, PaddedBatch batch)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(batch);
        bool isStored = examples.All(example => _isStored[example]);
        ReadOnlySpan<float> computed = isStored ? default : Compute(batch).Values;
        int row = batch.Length * Columns;
        for (int b = 0; b < batch.BatchSize; b++)
        {
            Span<float> to = x.Values.Slice(b * row, row), real = to[..(batch.Lengths[b] * Columns)];
            if (isStored)
            {
                _store!.Read(examples[b], real);
            }
            else
            {
                computed.Slice(b * row, real.Length).CopyTo(real);
            }

            to[real.Length..].Clear();
        }
    }

    /// <summary>Frees what is kept.</summary>
    public void Dispose()
    {
        _store?.Dispose();
        _tape.Dispose();
    }

    private Tensor Compute(PaddedBatch batch)
    {
        _tape.Begin();
        Tensor x = _model.RunTo(_tape, batch.Tokens, batch.BatchSize, Stages);
        ActivationBytes = Math.Max(ActivationBytes, _tape.BytesUsed);
        return x;
    }
}
