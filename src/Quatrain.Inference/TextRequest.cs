namespace Quatrain.Inference;

/// <summary>A prompt to be continued by <see cref="TextGenerator.GenerateBatch"/>.</summary>
/// <param name="Prompt">Token ids; at least one.</param>
/// <param name="Options">How much, how, and when to stop.</param>
/// <param name="Completed">Gets the result, as soon as it is there.</param>
public sealed record TextRequest(IReadOnlyList<int> Prompt, GenerationOptions Options, Action<GenerationResult> Completed)
{
    /// <summary>Gets the new text piece by piece as soon as it is certain, or null.</summary>
    public Action<string>? Show { get; init; }

    /// <summary>Ends this prompt's generation alone, between two tokens; what is there is its result.</summary>
    public CancellationToken Cancellation { get; init; }
}
