using Quatrain.Models.Gpt2;

namespace Quatrain.Training.FineTuning;

/// <summary>What fine-tuning will hold in memory, worked out when the model and the examples are there and before a step is done.</summary>
/// <remarks>
/// Steps and scores are taken to meet the longest examples side by side, so a run takes no more than this. Answers before and after the steps are not counted: the keys and values they
/// need were asked for when the model was loaded.
/// </remarks>
public sealed record FineTuningMemory : RunMemory
{
    private readonly string _train;
    private readonly int _batchSize;
    private readonly int _length;

    /// <summary>What the learning of <paramref name="task"/> takes.</summary>
    /// <param name="task">What is learned; what does not train is frozen.</param>
    /// <param name="test">What has the examples that are scored at the end, all of its stages computed, or null.</param>
    /// <param name="train">What trains, as --train says it.</param>
    /// <param name="options">How.</param>
    /// <param name="availableBytes">The memory there was before the model was loaded.</param>
    public FineTuningMemory(FineTuningTask task, FineTuningTask? test, string train, FineTuningOptions options, long availableBytes)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(options);
        Range training = ..task.TrainingCount;
        _train = train;
        (_batchSize, _length) = Largest(task, training, options.BatchSize);
        WeightBytes = task.Stores.Sum(store => store.BufferLength) * sizeof(float);
        GradientBytes = task.Stores.Sum(store => store.TrainedLength) * sizeof(float);
        ActivationBytes = task.Model.TrainingActivationBytes(_batchSize, _length, task.LargestPart(training, options.BatchSize));
        EvaluationBytes = Math.Max(ScoringBytes(task, options.BatchSize), test is null ? 0 : ScoringBytes(test, options.BatchSize));
        if (task.Stage > 0)
        {
            long results = FrozenPrefix.BytesOf(task);
            Cache = FrozenPrefix.Choose(options.Cache, results, availableBytes);
            PrefixBytes = FrozenBytes(task, options.BatchSize);
            CachedBytes = Cache == PrefixCache.Memory ? results : 0;
            if (options.Cache == PrefixCache.Auto && TotalBytes > availableBytes)
            {
                (Cache, CachedBytes) = (PrefixCache.Disk, 0);
            }
        }
    }

    /// <inheritdoc/>
    public override long WeightBytes { get; }

    /// <inheritdoc/>
    public override long GradientBytes { get; }

    /// <inheritdoc/>
    public override long OptimizerBytes => 2 * GradientBytes;

    /// <summary>The weights of what trains, as they were when they did best.</summary>
    public long BestBytes => GradientBytes;

    /// <inheritdoc/>
    public override long ActivationBytes { get; }

    /// <summary>What it takes to compute the frozen stages' results.</summary>
    public long PrefixBytes { get; }

    /// <summary>Where these results are kept; never <see cref="PrefixCache.Auto"/>.</summary>
    public PrefixCache Cache { get; } = PrefixCache.Off;

    /// <summary>What they take where they are kept in memory.</summary>
    public long CachedBytes { get; }

    /// <inheritdoc/>
    public override long TotalBytes => LastingBytes + ActivationBytes + EvaluationBytes + PrefixBytes + CachedBytes;

    private protected override long LastingBytes => base.LastingBytes + BestBytes;

    private protected override string Work => "Fine-tuning this model";

    private protected override string Parts => FormattableString.Invariant(
        $"{Gigabytes(LastingBytes)} for weights, gradients, AdamW's moments and the best weights so far, {(CachedBytes > 0 ? $"{Gigabytes(CachedBytes)} for the frozen part's results, " : "")}the rest for {_batchSize} x {_length} tokens at a time");

    private protected override string Change(long availableBytes)
    {
        bool canTrainLess = _train is not ("head" or "last-1");
        List<string> changes = [];
        if (LastingBytes > availableBytes)
        {
            if (canTrainLess && WeightBytes < availableBytes)
            {
                changes.AddRange(_train == ClassifierOptions.Lora ? ["--train last-1"] : ["--train last-1", "--train lora"]);
            }

            changes.Add("a smaller model");
        }
        else
        {
            Add(CachedBytes > 0, "--cache disk");
            Add(_batchSize > 1, "a smaller --batch-size");
            Add(_length > 2, "a shorter --max-length");
            Add(canTrainLess, "--train last-1");
            Add(changes.Count == 0, "a smaller model");
        }

        return changes.Count == 1 ? changes[0] : $"{string.Join(", ", changes.SkipLast(1))} or {changes[^1]}";

        void Add(bool isOne, string change) => changes.AddRange(isOne ? [change] : []);
    }

    private static (int BatchSize, int Length) Largest(FineTuningTask task, Range range, int batchSize)
    {
        (int start, int count) = range.GetOffsetAndLength(task.Examples.Count);
        return (Math.Min(batchSize, count), task.Examples.Skip(start).Take(count).Select(example => example.Length).DefaultIfEmpty().Max());
    }

    private static long ScoringBytes(FineTuningTask task, int batchSize)
    {
        Range scored = task.TrainingCount..;
        (int count, int length) = Largest(task, scored, batchSize);
        return count == 0 ? 0 : task.Model.EvaluationActivationBytes(count, length, task.LargestPart(scored, batchSize));
    }

    /// <summary>What a pass through the frozen stages takes: for as many examples as go through them together, or where results are not kept, for those of a step.</summary>
    private long FrozenBytes(FineTuningTask task, int batchSize)
    {
        long Pass(int count, int length) => Gpt2Memory.EvaluationActivationBytes(task.Model.Config, count, length, new Gpt2Part { FrozenStages = 0, Outputs = 1 });
        if (Cache == PrefixCache.Off)
        {
            (int count, int length) = Largest(task, .., batchSize);
            return Pass(count, length);
        }

        return FrozenPrefix.Batches(task.Examples).Max(batch => Pass(batch.Length, task.Examples[batch[^1]].Length));
    }
}
