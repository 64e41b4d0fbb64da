using Quatrain.Models;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference.Chat;

/// <summary>A conversation with a model: remembers what was said, and replies.</summary>
/// <remarks>
/// What no longer fits into the context is not sent, as <see cref="ChatGenerator"/> says, and a style without history sends the newest message only;
/// <see cref="ChatReply.DroppedTurns"/> tells. What the model has read of the conversation it does not read again (<see cref="ChatReply.CachedTokens"/>), so
/// its weights must stay as they are. Not safe for use by several threads at a time.
/// </remarks>
/// <example>
/// <code>
/// using WorkerPool pool = new();
/// using TextModel model = TextModel.Open("runs/instruct", weights: null, pool);
/// using ChatSession chat = new(model.Model, model.RequireTokenizer(), ChatSettings.TryLoad(model.Path)!, pool);
/// chat.Reply("Name three colours.", new GenerationOptions(), Console.Write);
/// </code>
/// </example>
public sealed class ChatSession : IDisposable
{
    private readonly ChatGenerator _generator;
    private readonly List<ChatTurn> _history = [];

    /// <summary>A conversation with <paramref name="model"/>, which it does not own.</summary>
    /// <exception cref="InvalidDataException">The settings are impossible, or the tokenizer lacks a character that the style needs.</exception>
    public ChatSession(ILanguageModel model, ITokenizer tokenizer, ChatSettings settings, WorkerPool pool) =>
        _generator = new ChatGenerator(model, tokenizer, settings, pool, keepsCache: true);

    /// <summary>Whether earlier turns are sent with a message, as the style says.</summary>
    public bool HasHistory => _generator.Settings.Style.HasHistory;

    /// <summary>What was said, user and assistant by turns.</summary>
    public IReadOnlyList<ChatTurn> History => _history;

    /// <summary>Replies to <paramref name="text"/>, and remembers both.</summary>
    /// <remarks>A reply that is cancelled counts as far as it came; where nothing came, the text is forgotten too, as it is where this throws.</remarks>
    /// <param name="text">What the user says.</param>
    /// <param name="options">How much, how, and when to stop, beside what ends a reply in the style.</param>
    /// <param name="show">Gets the reply piece by piece as soon as it is certain, or null.</param>
    /// <param name="cancellation">Ends the reply between two tokens.</param>
    /// <exception cref="InvalidDataException">The text is blank, too long or can't be encoded, or an option is impossible.</exception>
    public ChatReply Reply(string text, GenerationOptions options, Action<string>? show = null, CancellationToken cancellation = default)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new InvalidDataException("The message is empty; write something to reply to.");
        }

        ChatTurn turn = new(TurnRole.User, text);
        ChatReply reply = _generator.Reply([.. _history, turn], options, show, cancellation);
        if (reply.FinishReason != FinishReason.Cancelled || reply.Text.Length > 0)
        {
            _history.AddRange([turn, new ChatTurn(TurnRole.Assistant, reply.Text)]);
        }

        return reply;
    }

    /// <summary>Forgets what was said.</summary>
    public void Reset() => _history.Clear();

    /// <summary>Frees the caches.</summary>
    public void Dispose() => _generator.Dispose();
}
