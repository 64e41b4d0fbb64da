using Quatrain.Models.Gpt2;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training;

/// <summary>What pre-training will hold in memory.</summary>
/// <param name="Config">The model.</param>
/// <param name="BatchSize">B: the sequences of a batch, which go through the model in <see cref="BatchSlices"/>.</param>
/// <param name="ContextLength">T: the tokens of a sequence.</param>
public sealed record TrainingMemory(Gpt2Config Config, int BatchSize, int ContextLength) : RunMemory
{
    /// <summary>The sequences whose activations exist at the same time.</summary>
    public int SliceSize => new BatchSlices(BatchSize, ContextLength).LargestSize;

    /// <inheritdoc/>
    public override long WeightBytes => Gpt2Memory.WeightBytes(Config);

    /// <inheritdoc/>
    public override long GradientBytes => Gpt2Memory.GradientBytes(Config);

    /// <inheritdoc/>
    public override long OptimizerBytes => Gpt2Memory.OptimizerBytes(Config);

    /// <inheritdoc/>
    public override long ActivationBytes => Gpt2Memory.TrainingActivationBytes(Config, SliceSize, ContextLength);

    /// <summary>What samples between steps hold on to, where the run draws any.</summary>
    public long SamplingBytes { get; private init; }

    /// <inheritdoc/>
    public override long TotalBytes => LastingBytes + ActivationBytes + EvaluationBytes + SamplingBytes;

    private protected override string Work => "Training this model";

    private protected override string Parts => FormattableString.Invariant(
        $"{Gigabytes(LastingBytes)} for weights, gradients and AdamW's moments, the rest for {SliceSize} x {ContextLength} tokens at a time");

    /// <summary>What a run with <paramref name="options"/> takes, its evaluations and samples included.</summary>
    /// <param name="config">The model.</param>
    /// <param name="options">How it is trained, the length of sequences among them, which may be shorter than the model's context.</param>
    public static TrainingMemory OfRun(Gpt2Config config, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(options);
        int length = options.ContextLength;
        int samples = TrainingRun.SampleCaches(options);
        return new TrainingMemory(config, options.BatchSize, length)
        {
            EvaluationBytes = options.ValidationFraction > 0 || options.Data == TrainingOptions.QuatrainsData
                ? Gpt2Memory.EvaluationActivationBytes(config, Evaluator.BatchSize(config.VocabularySize, length), length)
                : 0,
            SamplingBytes = samples > 0
                ? Gpt2Memory.KvCacheBytes(config, samples, config.ContextLength) + Gpt2Memory.DecodingActivationBytes(config, samples, 1)
                : 0,
        };
    }

    private protected override string Change(long availableBytes) =>
        LastingBytes > availableBytes ? "a smaller model"
        : SliceSize > 1 ? "a smaller --batch-size (with as many more --accumulation-steps), a shorter --context-length or a smaller model"
        : "a shorter --context-length or a smaller model";
}
