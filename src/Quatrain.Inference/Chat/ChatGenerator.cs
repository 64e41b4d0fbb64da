using Quatrain.Models;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference.Chat;

/// <summary>Replies to conversations, each of which is given whole.</summary>
/// <remarks>
/// <para>
/// Prompt and reply together stay within the context length, so that no part of the prompt is forgotten while the reply is written. Where the prompt would leave the
/// reply less room than it may need, or than a quarter of the context where that is less, the oldest turns are not sent, a user's turn with the reply to it;
/// the system text always is.
/// </para>
/// <para>
/// Where it keeps its cache, only that part of a prompt is read that comes after what it has in common with the last prompt and the reply to it. (A reply is
/// written anew by the tokenizer when it becomes part of a prompt, which may cut it into other tokens than were drawn.) The reply is the same, bit for bit.
/// </para>
/// <para>Not safe for use by several threads at a time; make one for each.</para>
/// </remarks>
public sealed class ChatGenerator : IDisposable
{
    private readonly ChatEncoder _encoder;
    private readonly TextGenerator _generator;
    private readonly int _contextLength;
    private readonly int[] _stopTokens;

    /// <summary>A generator over <paramref name="model"/>, which it does not own.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="settings">How prompts are written.</param>
    /// <param name="pool">The workers.</param>
    /// <param name="keepsCache">Whether what was read of one conversation serves the next. Not for a model that trains between two replies.</param>
    /// <exception cref="InvalidDataException">The settings are impossible, or the tokenizer lacks a character that the style needs.</exception>
    public ChatGenerator(ILanguageModel model, ITokenizer tokenizer, ChatSettings settings, WorkerPool pool, bool keepsCache = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        _encoder = new ChatEncoder(tokenizer, settings);
        Settings = settings;
        _contextLength = model.ContextLength;
        _stopTokens = tokenizer.EndOfTextId is { } end ? [end] : [];
        _generator = new TextGenerator(model, tokenizer, pool, keepsCache);
    }

    /// <summary>How prompts are written.</summary>
    public ChatSettings Settings { get; }

    /// <summary>Replies to the last turn of <paramref name="turns"/>.</summary>
    /// <param name="turns">A system turn or none, then user and assistant by turns; the user's is the last.</param>
    /// <param name="options">How much, how, and when to stop, beside what ends a reply in the style.</param>
    /// <param name="show">Gets the reply piece by piece as soon as it is certain, or null.</param>
    /// <param name="cancellation">Ends the reply between two tokens; what is there is returned.</param>
    /// <exception cref="InvalidDataException">The turns or an option are impossible, or the last turn alone is too long.</exception>
    public ChatReply Reply(
        IReadOnlyList<ChatTurn> turns, GenerationOptions options, Action<string>? show = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (int[] prompt, int dropped) = Fit(turns, options.MaxTokens);
        GenerationResult result = _generator.Generate(
            prompt,
            options with
            {
                MaxTokens = Math.Min(options.MaxTokens, _contextLength - prompt.Length),
                Stop = [.. options.Stop, _encoder.Style.StopText],
                StopTokens = [.. options.StopTokens, .. _stopTokens],
            },
            show, cancellation);
        return new ChatReply(result.Text!, prompt.Length, result.CachedTokens, result.Ids.Count, result.FinishReason, dropped, result.TokensPerSecond);
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose() => _generator.Dispose();

    /// <summary>The prompt, and how many turns it leaves out.</summary>
    private (int[] Prompt, int Dropped) Fit(IReadOnlyList<ChatTurn> turns, int maxTokens)
    {
        ChatTurn.RequireOrder(turns, TurnRole.User);
        int first = turns[0].Role == TurnRole.System ? 1 : 0;
        int reserved = Math.Max(1, Math.Min(maxTokens, _contextLength / 4));
        int most = turns.Count - first - 1;
        for (int dropped = _encoder.Style.HasHistory ? 0 : most; ; dropped += 2)
        {
            int[] prompt = _encoder.EncodePrompt([.. turns.Take(first), .. turns.Skip(first + dropped)]);
            if (prompt.Length + reserved <= _contextLength || (dropped == most && prompt.Length < _contextLength))
            {
                return (prompt, dropped);
            }

            if (dropped == most)
            {
                throw new InvalidDataException(
                    $"The message has {prompt.Length} tokens with what the prompt style '{_encoder.Style.Name}' adds, and the model looks at {_contextLength}, "
                    + "of which the reply needs some; shorten it.");
            }
        }
    }
}
