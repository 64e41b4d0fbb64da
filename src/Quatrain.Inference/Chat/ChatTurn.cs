namespace Quatrain.Inference.Chat;

/// <summary>Who speaks in a conversation.</summary>
public enum TurnRole
{
    /// <summary>Whoever set the conversation up: what holds for all of it.</summary>
    System,

    /// <summary>Whoever asks.</summary>
    User,

    /// <summary>The model.</summary>
    Assistant,
}

/// <summary>What one side says at a time.</summary>
/// <param name="Role">Who says it.</param>
/// <param name="Text">What is said.</param>
/// <param name="Input">What a user's instruction is to be applied to, which some styles mark; empty where there is nothing of the kind.</param>
public sealed record ChatTurn(TurnRole Role, string Text, string Input = "")
{
    /// <summary>
    /// What keeps <paramref name="turns"/> from being a conversation, a system text or none and then user and assistant by turns, the user first; null for nothing.
    /// </summary>
    /// <param name="turns">The conversation.</param>
    /// <param name="last">Whose turn must be the last.</param>
    /// <returns>A clause such as "message 2 is the user's where the assistant's is due".</returns>
    public static string? OrderProblem(IReadOnlyList<ChatTurn> turns, TurnRole last)
    {
        ArgumentNullException.ThrowIfNull(turns);
        int first = turns.Count > 0 && turns[0].Role == TurnRole.System ? 1 : 0;
        for (int i = first; i < turns.Count; i++)
        {
            TurnRole due = (i - first) % 2 == 0 ? TurnRole.User : TurnRole.Assistant;
            if (turns[i].Role != due)
            {
                return $"message {i + 1} is the {Name(turns[i].Role)}'s where the {Name(due)}'s is due";
            }
        }

        return turns.Count == first || turns[^1].Role != last ? $"the last message is not the {Name(last)}'s" : null;
    }

    /// <exception cref="InvalidDataException">There is a problem; the message is a sentence.</exception>
    internal static void RequireOrder(IReadOnlyList<ChatTurn> turns, TurnRole last)
    {
        if (OrderProblem(turns, last) is { } problem)
        {
            throw new InvalidDataException($"The conversation can't be used: {problem}; begin with the user's, and let the two take turns.");
        }
    }

    /// <summary>A role as files have it.</summary>
    internal static string Name(TurnRole role) => role switch
    {
        TurnRole.System => "system",
        TurnRole.User => "user",
        _ => "assistant",
    };
}
