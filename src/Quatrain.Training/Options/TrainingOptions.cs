using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Ops;

namespace Quatrain.Training.Options;

/// <summary>Everything that decides a training run; the same options on the same data give the same model.</summary>
/// <remarks>Names, descriptions and ranges for JSON and the command line are in <see cref="OptionKeys"/>.</remarks>
public sealed record TrainingOptions
{
    /// <summary>The value of <see cref="Data"/> that stands for generated quatrains.</summary>
    public const string QuatrainsData = "quatrains";

    /// <summary>The value of <see cref="Data"/> that stands for tiny Shakespeare.</summary>
    public const string ShakespeareData = "shakespeare";

    /// <summary>The value of <see cref="Tokenizer"/> that stands for one token a character of the text.</summary>
    public const string CharacterTokens = "characters";

    /// <summary>The preset these options started from, or empty.</summary>
    public string Preset { get; init; } = "";

    /// <summary>What to train on: <see cref="QuatrainsData"/>, <see cref="ShakespeareData"/>, or the path of a file or folder.</summary>
    public string Data { get; init; } = QuatrainsData;

    /// <summary>How text becomes tokens: <see cref="CharacterTokens"/>, the name of a pulled model, or the path of a tokenizer's file or folder.</summary>
    public string Tokenizer { get; init; } = CharacterTokens;

    /// <summary>
    /// Whether the tokenizer's end-of-text token, where the text has it written out and between the files of a folder, is that one token. A tokenizer without
    /// such a token, as one of characters is, takes all text as it stands.
    /// </summary>
    public bool EndOfText { get; init; } = true;

    /// <summary>The number of transformer blocks.</summary>
    public int LayerCount { get; init; } = 4;

    /// <summary>The number of attention heads; divides <see cref="EmbeddingSize"/>.</summary>
    public int HeadCount { get; init; } = 4;

    /// <summary>The width of the residual stream.</summary>
    public int EmbeddingSize { get; init; } = 128;

    /// <summary>The most tokens the model sees at once.</summary>
    public int ContextLength { get; init; } = 128;

    /// <summary>Whether linear layers and layer norms have biases.</summary>
    public bool Bias { get; init; }

    /// <summary>The feed-forward activation.</summary>
    public Activation Activation { get; init; } = Activation.GeluExact;

    /// <summary>Whether the output layer shares the token embedding's weights.</summary>
    public bool TieEmbeddings { get; init; } = true;

    /// <summary>How weights start.</summary>
    public InitializationScheme Initialization { get; init; } = InitializationScheme.NanoGpt;

    /// <summary>The dropout probability on embeddings, attention and residuals alike.</summary>
    public double Dropout { get; init; }

    /// <summary>Sequences in one forward pass.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Forward and backward passes whose gradients are averaged into one update.</summary>
    public int AccumulationSteps { get; init; } = 1;

    /// <summary>The number of updates.</summary>
    public int Iterations { get; init; } = 1500;

    /// <summary>The peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>The learning rate at and after the end of the decay.</summary>
    public double MinLearningRate { get; init; } = 1e-4;

    /// <summary>Updates over which the learning rate rises.</summary>
    public int WarmupIterations { get; init; } = 100;

    /// <summary>The update at which the learning rate reaches its minimum; 0 means <see cref="Iterations"/>.</summary>
    public int DecayIterations { get; init; }

    /// <summary>AdamW's decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>AdamW's decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <summary>What AdamW adds to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>AdamW's decoupled weight decay of matrices.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The largest norm of the whole gradient; 0 turns clipping off.</summary>
    public double GradientClip { get; init; } = 1.0;

    /// <summary>The share of the text, at its end, that is kept for validation.</summary>
    public double ValidationFraction { get; init; } = 0.1;

    /// <summary>Updates between evaluations; 0 evaluates only at the end.</summary>
    public int EvalEvery { get; init; } = 250;

    /// <summary>The most validation targets scored in a periodic evaluation; 0 scores all.</summary>
    public int EvalTokens { get; init; } = 32768;

    /// <summary>Updates between checkpoints; 0 saves only at the end.</summary>
    public int CheckpointEvery { get; init; } = 250;

    /// <summary>Updates between samples; 0 draws none.</summary>
    public int SampleEvery { get; init; }

    /// <summary>Tokens in a sample.</summary>
    public int SampleTokens { get; init; } = 200;

    /// <summary>The seed of every random number in the run.</summary>
    public ulong Seed { get; init; } = 1337;

    /// <summary>Checks every value's range and that the values fit one another.</summary>
    /// <exception cref="InvalidDataException">A value is impossible; one sentence names it and what to do.</exception>
    public void Validate()
    {
        foreach (OptionKey key in OptionKeys.All)
        {
            key.CheckRange(this);
        }

        if (EmbeddingSize % HeadCount != 0)
        {
            throw new InvalidDataException(
                $"embedding_size {EmbeddingSize} can't be divided among {HeadCount} heads; make head_count a divisor of embedding_size.");
        }

        if (Data == QuatrainsData && Tokenizer != CharacterTokens)
        {
            throw new InvalidDataException(
                $"The built-in verses are learnt by characters, not with the tokenizer '{OptionKey.Shorten(Tokenizer)}'; name a text with --data, or set --tokenizer {CharacterTokens}.");
        }

        if (MinLearningRate > LearningRate)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"min_learning_rate {MinLearningRate} is above learning_rate {LearningRate}; lower it to at most that."));
        }

        if ((long)BatchSize * ContextLength > MaximumBatchTokens)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"batch_size {BatchSize} x context_length {ContextLength} is over {MaximumBatchTokens} tokens; lower one and raise accumulation_steps instead."));
        }

        double gibibytes = EstimateBytes() / (1L << 30);
        if (gibibytes > MaximumGibibytes)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"These sizes need about {gibibytes:N0} GiB of memory, over the limit of {MaximumGibibytes} GiB; lower layer_count, embedding_size, context_length or batch_size."));
        }
    }

    private const long MaximumBatchTokens = 1 << 24;
    private const int MaximumGibibytes = 1024;

    // A lower bound, in floating point so that no product overflows: weights with gradients and two moments (16 bytes each),
    // and the activations kept for the backward pass of one slice of a batch.
    private double EstimateBytes()
    {
        double width = EmbeddingSize, rows = (double)new BatchSlices(BatchSize, ContextLength).LargestSize * ContextLength;
        double weights = 12.0 * LayerCount * width * width + ContextLength * width;
        double activations = rows * LayerCount * (16.0 * width + HeadCount);
        return 16 * weights + 4 * activations;
    }
}
