using Quatrain.Models.Gpt2;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training;

/// <summary>What a run will hold in memory, in bytes, worked out before anything is allocated.</summary>
/// <remarks>Not counted: some megabytes a thread in which matrix products lie packed, the runtime, and what is allocated already, such as the text.</remarks>
/// <param name="Config">The model.</param>
/// <param name="BatchSize">B: the sequences of a batch, which go through the model in <see cref="BatchSlices"/>.</param>
/// <param name="ContextLength">T: the tokens of a sequence.</param>
public sealed record TrainingMemory(Gpt2Config Config, int BatchSize, int ContextLength)
{
    private const double Gibibyte = 1 << 30;

    /// <summary>The sequences whose activations exist at the same time.</summary>
    public int SliceSize => new BatchSlices(BatchSize, ContextLength).LargestSize;

    /// <summary>The weights.</summary>
    public long WeightBytes => Gpt2Memory.WeightBytes(Config);

    /// <summary>Their gradients.</summary>
    public long GradientBytes => Gpt2Memory.GradientBytes(Config);

    /// <summary>AdamW's moments.</summary>
    public long OptimizerBytes => Gpt2Memory.OptimizerBytes(Config);

    /// <summary>What a slice makes on its way forward and back.</summary>
    public long ActivationBytes => Gpt2Memory.TrainingActivationBytes(Config, SliceSize, ContextLength);

    /// <summary>What evaluations between steps hold on to, where the run has any.</summary>
    public long EvaluationBytes { get; private init; }

    /// <summary>What samples between steps hold on to, where the run draws any.</summary>
    public long SamplingBytes { get; private init; }

    /// <summary>All of it.</summary>
    public long TotalBytes => WeightBytes + GradientBytes + OptimizerBytes + ActivationBytes + EvaluationBytes + SamplingBytes;

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

    /// <summary>Checks that there is that much memory.</summary>
    /// <exception cref="InvalidDataException">There is not; the message has what is needed, what there is, and what to change.</exception>
    public void CheckFits(long availableBytes)
    {
        if (TotalBytes <= availableBytes)
        {
            return;
        }

        long lasting = WeightBytes + GradientBytes + OptimizerBytes;
        string change = lasting > availableBytes ? "choose a smaller model"
            : SliceSize > 1 ? "choose a smaller --batch-size (with as many more --accumulation-steps), a shorter --context-length or a smaller model"
            : "choose a shorter --context-length or a smaller model";
        throw new InvalidDataException(FormattableString.Invariant(
            $"Training this model needs {TotalBytes / Gibibyte:N1} GB of memory ({lasting / Gibibyte:N1} GB for weights, gradients and AdamW's moments, the rest for {SliceSize} x {ContextLength} tokens at a time), and {availableBytes / Gibibyte:N1} GB are available; {change}."));
    }

    /// <summary>The forecast beside what there is, for people: <c>2.1 GB of 22.0 GB</c>; a gigabyte is 2^30 bytes.</summary>
    public string Describe(long availableBytes) => FormattableString.Invariant($"{TotalBytes / Gibibyte:N1} GB of {availableBytes / Gibibyte:N1} GB");
}
