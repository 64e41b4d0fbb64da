using Quatrain.Inference.Classification;

namespace MessageFilter;

// What is sent and answered, as JSON in camel case. What a caller may leave out is nullable, and checked.

internal sealed record ClassifyRequest(string? Text);

internal sealed record BatchRequest(IReadOnlyList<string?>? Texts);

internal sealed record IncomingMessage(string? From, string? Text);

/// <param name="Label">The class.</param>
/// <param name="Probability">Its probability.</param>
/// <param name="Probabilities">The probability of each class.</param>
/// <param name="Truncated">Whether the text's end was not looked at, because the classifier reads only so many tokens.</param>
internal sealed record Verdict(string Label, double Probability, IReadOnlyDictionary<string, double> Probabilities, bool Truncated)
{
    public static Verdict Of(Classification result, IReadOnlyList<string> labels) => new(
        result.Label, result.Probability, labels.Zip(result.Probabilities).ToDictionary(pair => pair.First, pair => pair.Second), result.IsTruncated);
}

/// <param name="Results">The verdict on each text, in their order.</param>
internal sealed record BatchVerdict(IReadOnlyList<Verdict> Results);

internal sealed record FilteredMessage(
    long Id, DateTimeOffset Received, string From, string Text, string Label, double Probability, bool Truncated, bool Quarantined);

internal sealed record Health(string Status, IReadOnlyList<string> Labels, int MaxTokens);
