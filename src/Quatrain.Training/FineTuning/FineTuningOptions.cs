namespace Quatrain.Training.FineTuning;

/// <summary>How a model is fine-tuned, whatever the task.</summary>
public sealed record FineTuningOptions
{
    /// <summary>How often each training example is seen.</summary>
    public int Epochs { get; init; } = 5;

    /// <summary>The examples of one step.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>The learning rate after the warm-up, or null for one that suits the model's width and what trains: see <see cref="Resolve"/>.</summary>
    public double? LearningRate { get; init; }

    /// <summary>The share of all steps that warm the learning rate up; after it, it falls along half a cosine to a tenth.</summary>
    public double WarmupShare { get; init; } = 0.1;

    /// <summary>The decay of matrices.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The norm that all gradients together are scaled down to; 0 for no clipping.</summary>
    public double GradientClip { get; init; } = 1;

    /// <summary>The dropout probability in the part that trains.</summary>
    public double Dropout { get; init; }

    /// <summary>Decides the order of examples, and what begins random.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Where the results of the frozen part are kept.</summary>
    public PrefixCache Cache { get; init; } = PrefixCache.Auto;

    /// <summary>These options with a learning rate: where none is given, it falls with the width of the model, and is the higher the less of it trains.</summary>
    /// <remarks>The factors are those that did best on validation among a few, on models 256 wide; 768 wide they give 1.3e-4 for all weights.</remarks>
    /// <param name="train">What trains: head, last-K, all or lora.</param>
    /// <param name="width">C, the embedding size.</param>
    public FineTuningOptions Resolve(string train, int width) => LearningRate is not null ? this : this with
    {
        LearningRate = train switch
        {
            "all" => 0.1,
            "head" => 5,
            _ => 0.25,
        } / width,
    };

    /// <summary>Checks that each option is possible.</summary>
    /// <exception cref="InvalidDataException">One is not; the message names it as the command line does, with what it may be.</exception>
    public void Validate()
    {
        Require(Epochs is >= 1 and <= 100_000, "--epochs", Epochs, "between 1 and 100000");
        Require(BatchSize is >= 1 and <= 65_536, "--batch-size", BatchSize, "between 1 and 65536");
        Require(LearningRate is null or (> 0 and < 1), "--learning-rate", LearningRate ?? 0, "above 0 and below 1");
        Require(WarmupShare is >= 0 and < 1, "--warmup", WarmupShare, "at least 0 and below 1");
        Require(WeightDecay is >= 0 and < 1, "--weight-decay", WeightDecay, "at least 0 and below 1");
        Require(GradientClip is >= 0 and < double.PositiveInfinity, "--gradient-clip", GradientClip, "at least 0");
        Require(Dropout is >= 0 and < 1, "--dropout", Dropout, "at least 0 and below 1");
        Require(Enum.IsDefined(Cache), "--cache", (int)Cache, "auto, memory, disk or off");
    }

    private static void Require(bool isPossible, string name, double value, string possible)
    {
        if (!isPossible)
        {
            throw new InvalidDataException(FormattableString.Invariant($"{name} is {value}; it must be {possible}."));
        }
    }
}

/// <summary>Where the results of the part of a model that does not train are kept, so that each example goes through it once.</summary>
public enum PrefixCache
{
    /// <summary>In memory where they take no more than a quarter of it, else on disk.</summary>
    Auto,

    /// <summary>In memory.</summary>
    Memory,

    /// <summary>In a file of the run's folder, which goes when the run ends.</summary>
    Disk,

    /// <summary>Nowhere: they are computed again in each epoch, with the same results.</summary>
    Off,
}
