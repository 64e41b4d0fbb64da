namespace Quatrain.Inference;

/// <summary>A sequence of token ids to be continued by <see cref="TokenGenerator.GenerateBatch"/>.</summary>
/// <param name="Prompt">At least one id.</param>
/// <param name="Options">How much, how, and the seed; stop texts are not looked at.</param>
/// <param name="Accept">Gets each new id, and returns false to end.</param>
public sealed record TokenRequest(ReadOnlyMemory<int> Prompt, GenerationOptions Options, Func<int, bool> Accept)
{
    /// <summary>Is told, once, before the first id, how many of the prompt's tokens need no reading, because a sequence before began with them; or null.</summary>
    public Action<int>? Started { get; init; }

    /// <summary>Is told why it ended, once, after the last id; or null.</summary>
    public Action<FinishReason>? Completed { get; init; }

    /// <summary>Ends this sequence alone, between two tokens.</summary>
    public CancellationToken Cancellation { get; init; }
}
