using Quatrain.Inference.Sampling;
using Quatrain.Tensors;

namespace Quatrain.Inference;

/// <summary>How much to generate, how to choose, and when to stop.</summary>
public sealed record GenerationOptions
{
    /// <summary>The most new tokens.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>How a token is chosen from the model's scores.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Texts that end the generation; they are not part of the result.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Token ids that end the generation, such as a tokenizer's end of text; they are not part of the result.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>
    /// The token ids that end a record, such as the blank line after a verse, where the model was trained on records; empty for plain text. Past the context
    /// length a generation goes on from the newest record's beginning.
    /// </summary>
    public IReadOnlyList<int> RecordEnd { get; init; } = [];

    /// <summary>Decides all draws.</summary>
    public ulong Seed { get; init; }

    /// <summary>The options for one of several samples of a prompt: sample 0 has the seed itself, the others seeds derived from it.</summary>
    public GenerationOptions ForSample(int sample) => sample == 0 ? this : this with { Seed = RandomSource.Mix(Seed, (ulong)sample) };

    /// <summary>Checks the values.</summary>
    /// <exception cref="InvalidDataException">One is impossible; the message names it.</exception>
    public void Validate()
    {
        if (MaxTokens is < 1 or > 10_000_000)
        {
            throw new InvalidDataException($"The number of tokens to generate is {MaxTokens}; it must lie between 1 and 10,000,000.");
        }

        Sampling.Validate();
    }
}

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The wished number of tokens is there.</summary>
    Length,

    /// <summary>A stop text or stop token came, or the receiver of the tokens wanted no more.</summary>
    Stop,

    /// <summary>The caller cancelled.</summary>
    Cancelled,
}
