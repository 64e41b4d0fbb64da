using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.AI;
using Quatrain.Inference.Chat;
using Quatrain.Models;
using Quatrain.Tokenizers;
using FinishReason = Quatrain.Inference.FinishReason;

namespace Quatrain.Extensions;

/// <summary>Microsoft.Extensions.AI's chat client over a model of one's own, in this process.</summary>
/// <remarks>
/// <para>
/// Honoured: temperature, top-k, top-p, the most output tokens, seed, stop sequences, instructions where the model's prompt style has a place for them, and
/// <c>min_p</c> and <c>repetition_penalty</c> as additional properties. Refused with a <see cref="NotSupportedException"/>: tools, JSON responses, frequency and
/// presence penalties, other models, what is no text, and all else that would have no effect.
/// </para>
/// <para>
/// Each call gives the whole conversation. What does not fit into the context is not sent, the oldest turns first, and a style without
/// history sends the last message only; the additional property <c>dropped_turns</c> of the response says how many were not. Messages of one role in a row
/// are joined by a line end.
/// </para>
/// <para>Safe for use by several threads: the model does one reply at a time, in the order of the calls.</para>
/// <para>
/// What the model has read of the last conversation stays in memory, and where the next begins the same, only the rest is read; the reply is the same either way.
/// <see cref="UsageDetails.CachedInputTokenCount"/> tells how much that was, and so would its time: callers who must not learn how each other's conversations begin
/// need a client each.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// using IChatClient client = QuatrainChatClient.Open("runs/instruct");
/// await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Name three colours."))
/// {
///     Console.Write(update.Text);
/// }
/// </code>
/// </example>
public sealed class QuatrainChatClient : IChatClient
{
    /// <summary>The additional property of a response that says how many turns were not sent.</summary>
    public const string DroppedTurnsKey = "dropped_turns";

    // Pieces that may wait for a slow reader before the model waits too.
    private const int MostWaiting = 64;

    private readonly OpenedModel _model;
    private readonly ChatGenerator _generator;
    private readonly ChatClientMetadata _metadata;

    private QuatrainChatClient(OpenedModel model, ChatSettings settings)
    {
        _model = model;
        _generator = new ChatGenerator(model.Text.Model, model.Tokenizer, settings, model.Pool, keepsCache: true);
        _metadata = new ChatClientMetadata("quatrain", providerUri: null, model.Name);
    }

    /// <summary>Opens the model at <paramref name="path"/>.</summary>
    /// <param name="path">A run folder, a Hugging Face style folder, a file, or the name of a pulled model.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="InvalidDataException">The model can't be used, or has no <c>chat.json</c> and no style is given.</exception>
    /// <exception cref="IOException">A file is absent or can't be read.</exception>
    public static QuatrainChatClient Open(string path, QuatrainChatOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new QuatrainChatOptions();
        OpenedModel model = new(path, options.Threads, options.Weights);
        try
        {
            return new QuatrainChatClient(model, Settings(model.Text.Path, options));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A message or an option asks for what can't be done.</exception>
    /// <exception cref="InvalidDataException">The messages are no conversation or too long, or an option is impossible.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ChatRequest request = Request(messages, options);
        ChatReply reply = await _model.RunAsync(token => Reply(request, show: null, token), cancellationToken).ConfigureAwait(false);
        string id = NewId();
        return new ChatResponse(new ChatMessage(ChatRole.Assistant, reply.Text) { MessageId = id })
        {
            ResponseId = id,
            ModelId = _model.Name,
            CreatedAt = DateTimeOffset.UtcNow,
            FinishReason = FinishReasonOf(reply),
            Usage = UsageOf(reply),
            AdditionalProperties = DroppedTurnsOf(reply),
        };
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">A message or an option asks for what can't be done.</exception>
    /// <exception cref="InvalidDataException">The messages are no conversation or too long, or an option is impossible.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        StreamAsync(Request(messages, options), cancellationToken);

    /// <inheritdoc/>
    /// <returns>The metadata, the model, its tokenizer, how prompts are written, or this; null for anything else.</returns>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType == typeof(ILanguageModel) ? _model.Text.Model
            : serviceType == typeof(ITokenizer) ? _model.Tokenizer
            : serviceType == typeof(ChatSettings) ? _generator.Settings
            : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Cancels what runs, waits for it to end and frees the model.</summary>
    public void Dispose() => _model.Dispose(_generator.Dispose);

    private static ChatSettings Settings(string path, QuatrainChatOptions options)
    {
        ChatSettings? trained = options.Style is null ? ChatSettings.TryLoad(path) : null;
        ChatSettings settings = trained ?? new ChatSettings
        {
            Style = options.Style ?? throw new InvalidDataException(
                $"'{path}' has no {ChatSettings.FileName}, so it was not trained to chat; give a prompt style in the options."),
        };
        return options.System is { } system ? settings with { System = system } : settings;
    }

    private ChatRequest Request(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        _model.RequireName(options?.ModelId);
        return ChatRequest.From(messages, options, _generator.Settings);
    }

    private ChatReply Reply(ChatRequest request, Action<string>? show, CancellationToken cancellation)
    {
        ChatReply reply = _generator.Reply(request.Turns, request.Options, show, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return reply;
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Channel<string> pieces = Channel.CreateBounded<string>(new BoundedChannelOptions(MostWaiting) { SingleReader = true, SingleWriter = true });
        using CancellationTokenSource left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<ChatReply> work = ProduceAsync(request, pieces.Writer, left.Token);
        string id = NewId();
        try
        {
            await foreach (string piece in pieces.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                // Pieces that wait already would come in spite of it.
                cancellationToken.ThrowIfCancellationRequested();
                yield return Update(id, new TextContent(piece));
            }

            ChatReply reply = await work.ConfigureAwait(false);
            ChatResponseUpdate last = Update(id, new UsageContent(UsageOf(reply)));
            last.FinishReason = FinishReasonOf(reply);
            last.AdditionalProperties = DroppedTurnsOf(reply);
            yield return last;
        }
        finally
        {
            // A reader that leaves early ends the reply; the next one then has the model at once.
            await left.CancelAsync().ConfigureAwait(false);
            await work.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
        }
    }

    private async Task<ChatReply> ProduceAsync(ChatRequest request, ChannelWriter<string> pieces, CancellationToken cancellation)
    {
        try
        {
            return await _model.RunAsync(token => Reply(request, piece => Hand(pieces, piece, token), token), cancellation).ConfigureAwait(false);
        }
        finally
        {
            // What went wrong is thrown to the reader when it awaits the reply.
            pieces.TryComplete();
        }
    }

    private static void Hand(ChannelWriter<string> pieces, string piece, CancellationToken cancellation)
    {
        while (!pieces.TryWrite(piece))
        {
            try
            {
                // On a thread of the reply's own, which may wait.
                pieces.WaitToWriteAsync(cancellation).AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
                // The generator sees it before its next token.
                return;
            }
        }
    }

    private ChatResponseUpdate Update(string id, AIContent content) => new(ChatRole.Assistant, [content])
    {
        ResponseId = id,
        MessageId = id,
        ModelId = _model.Name,
        CreatedAt = DateTimeOffset.UtcNow,
    };

    private static string NewId() => $"quatrain-{Guid.NewGuid():N}";

    private static ChatFinishReason FinishReasonOf(ChatReply reply) => reply.FinishReason == FinishReason.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;

    private static UsageDetails UsageOf(ChatReply reply) => new()
    {
        InputTokenCount = reply.PromptTokens,
        CachedInputTokenCount = reply.CachedTokens,
        OutputTokenCount = reply.Tokens,
        TotalTokenCount = (long)reply.PromptTokens + reply.Tokens,
    };

    private static AdditionalPropertiesDictionary? DroppedTurnsOf(ChatReply reply) =>
        reply.DroppedTurns == 0 ? null : new AdditionalPropertiesDictionary { [DroppedTurnsKey] = reply.DroppedTurns };
}
