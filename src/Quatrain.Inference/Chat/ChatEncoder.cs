using Quatrain.Tokenizers;

namespace Quatrain.Inference.Chat;

/// <summary>A conversation as a model is trained on it.</summary>
/// <param name="Ids">The tokens.</param>
/// <param name="IsReply">For each token, whether it is of a reply or ends one.</param>
public sealed record EncodedChat(int[] Ids, bool[] IsReply);

/// <summary>Turns conversations into token ids: whole ones to train on, and prompts to be replied to.</summary>
/// <remarks>
/// Each turn is encoded by itself, so the boundary between prompt and reply is a boundary between tokens, and a prompt is, token for token, the beginning of
/// the same conversation with its reply.
/// </remarks>
public sealed class ChatEncoder
{
    private readonly ITokenizer _tokenizer;
    private readonly string? _system;
    private readonly int[] _end;

    /// <summary>An encoder with the style and the system text of <paramref name="settings"/>.</summary>
    /// <exception cref="InvalidDataException">The settings are impossible, or the tokenizer lacks a character that the style needs.</exception>
    public ChatEncoder(ITokenizer tokenizer, ChatSettings settings)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        (_tokenizer, Style, _system) = (tokenizer, settings.Style, settings.System);
        EndsWithText = Style.AlwaysEndsWithText || tokenizer.EndOfTextId is null;
        try
        {
            _end = EndsWithText ? tokenizer.Encode(Style.StopText) : [tokenizer.EndOfTextId!.Value];
            tokenizer.Encode(Style.User(new ChatTurn(TurnRole.User, ""), isFirst: true, afterStopText: false));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The prompt style '{Style.Name}' can't be used with this model's tokenizer: {e.Message}", e);
        }
    }

    /// <summary>The style.</summary>
    public PromptStyle Style { get; }

    /// <summary>Whether a reply ends with the style's stop text; where not, the tokenizer's end-of-text token ends it.</summary>
    public bool EndsWithText { get; }

    /// <summary>The tokens of a conversation with all its replies, each with its end.</summary>
    /// <param name="turns">A system turn or none, then user and assistant by turns; the assistant's is the last.</param>
    /// <exception cref="InvalidDataException">The turns are not such, or not what the style has a place for, or hold what the tokenizer can't encode.</exception>
    public EncodedChat Encode(IReadOnlyList<ChatTurn> turns)
    {
        ChatTurn.RequireOrder(turns, TurnRole.Assistant);
        int replies = turns.Count(turn => turn.Role == TurnRole.Assistant);
        if (replies > 1 && !Style.HasHistory)
        {
            throw new InvalidDataException($"The conversation has {replies} replies, and the prompt style '{Style.Name}' has no history; choose another style.");
        }

        List<int> ids = [];
        List<bool> isReply = [];
        foreach ((int[] piece, bool ofReply) in Pieces(turns))
        {
            ids.AddRange(piece);
            isReply.AddRange(Enumerable.Repeat(ofReply, piece.Length));
        }

        return new EncodedChat([.. ids], [.. isReply]);
    }

    /// <summary>The tokens of a conversation, as far as the place where the reply to its last turn begins.</summary>
    /// <param name="turns">A system turn or none, then user and assistant by turns; the user's is the last. A style without history takes that alone.</param>
    /// <exception cref="InvalidDataException">As for <see cref="Encode"/>.</exception>
    public int[] EncodePrompt(IReadOnlyList<ChatTurn> turns)
    {
        ChatTurn.RequireOrder(turns, TurnRole.User);
        IReadOnlyList<ChatTurn> sent = Style.HasHistory ? turns : [.. turns.Where(turn => turn.Role == TurnRole.System), turns[^1]];
        return [.. Pieces(sent).SelectMany(piece => piece.Ids)];
    }

    private IEnumerable<(int[] Ids, bool IsReply)> Pieces(IReadOnlyList<ChatTurn> turns)
    {
        bool hasOwnSystem = turns[0].Role == TurnRole.System;
        if (hasOwnSystem && !Style.HasSystem)
        {
            throw new InvalidDataException($"The conversation has a system text, and the prompt style '{Style.Name}' has no place for one; choose another style.");
        }

        if ((hasOwnSystem ? turns[0].Text : _system) is { Length: > 0 } system)
        {
            yield return (_tokenizer.Encode(Style.System(system)), false);
        }

        bool isFirst = true;
        foreach (ChatTurn turn in turns.Skip(hasOwnSystem ? 1 : 0))
        {
            if (turn.Role == TurnRole.User)
            {
                yield return (_tokenizer.Encode(Style.User(turn, isFirst, EndsWithText)), false);
                isFirst = false;
            }
            else
            {
                yield return (_tokenizer.Encode(turn.Text), true);
                yield return (_end, true);
            }
        }
    }
}
