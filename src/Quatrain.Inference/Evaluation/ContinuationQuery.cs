namespace Quatrain.Inference.Evaluation;

/// <summary>A context, and the continuations whose probabilities after it are asked.</summary>
/// <param name="Context">At least one token id.</param>
/// <param name="Continuations">At least one; each has at least one token id.</param>
public sealed record ContinuationQuery(int[] Context, IReadOnlyList<int[]> Continuations)
{
    /// <summary>The tokens of the longest continuation.</summary>
    internal int LongestContinuation { get; } = Continuations.Max(continuation => continuation.Length);
}

/// <summary>How likely a model thinks a continuation.</summary>
/// <param name="Loss">-log p(continuation | context), in nats: the sum over its tokens.</param>
/// <param name="Tokens">The tokens of the continuation.</param>
/// <param name="IsGreedy">Whether each of its tokens has the largest logit after those before it: greedy decoding would write it.</param>
public readonly record struct ContinuationScore(double Loss, int Tokens, bool IsGreedy)
{
    /// <summary>The loss a token, in nats.</summary>
    public double MeanLoss => Loss / Tokens;
}
