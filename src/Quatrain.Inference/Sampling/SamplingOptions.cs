using System.Globalization;

namespace Quatrain.Inference.Sampling;

/// <summary>How the next token is chosen from a model's logits; <see cref="Sampler"/> says in which order the settings act.</summary>
public sealed record SamplingOptions
{
    // Wide enough for any use; outside it, scores overflow or all tokens become alike.
    private const double MinRepetitionPenalty = 0.01;
    private const double MaxRepetitionPenalty = 100;

    /// <summary>Divides the logits: below 1 the likely tokens gain, above 1 they lose; 0 always takes the most likely token.</summary>
    public double Temperature { get; init; } = 0.8;

    /// <summary>Only this many of the most likely tokens can be drawn; 0 means all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the smallest set of most likely tokens whose probability reaches this can be drawn; 1 means all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Only tokens at least this share as probable as the most likely one can be drawn; 0 means all.</summary>
    public double MinP { get; init; }

    /// <summary>Above 1, tokens that occurred lately become less likely, below 1 more likely; 1 changes nothing.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="InvalidDataException">A setting has an impossible value; the message names it and the values it can have.</exception>
    public void Validate()
    {
        Require(
            double.IsFinite(Temperature) && Temperature >= 0,
            "temperature", Temperature, "0 (always the most likely token) or a positive number such as 0.8");
        Require(TopK >= 0, "top-k", TopK, "a whole number from 1, or 0 for no limit");
        Require(TopP is >= 0 and <= 1, "top-p", TopP, "a number from 0 to 1 (1 for no limit)");
        Require(MinP is >= 0 and <= 1, "min-p", MinP, "a number from 0 (for no limit) to 1");
        Require(
            RepetitionPenalty is >= MinRepetitionPenalty and <= MaxRepetitionPenalty,
            "repetition penalty", RepetitionPenalty, "a number from 0.01 to 100 (1 for none)");
    }

    private static void Require(bool isPossible, string name, double value, string possible)
    {
        if (!isPossible)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The {name} can't be {value}; give {possible}."));
        }
    }
}
