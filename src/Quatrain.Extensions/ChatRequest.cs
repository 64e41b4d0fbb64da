using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.AI;
using Quatrain.Inference;
using Quatrain.Inference.Chat;
using Quatrain.Inference.Sampling;

namespace Quatrain.Extensions;

/// <summary>What Microsoft.Extensions.AI asks for, in the engine's terms. What the engine can't honour is refused, never ignored.</summary>
/// <param name="Turns">The conversation.</param>
/// <param name="Options">How to reply.</param>
internal sealed record ChatRequest(IReadOnlyList<ChatTurn> Turns, GenerationOptions Options)
{
    private const string MinP = "min_p", RepetitionPenalty = "repetition_penalty";

    /// <exception cref="NotSupportedException">A message or an option asks for what can't be done; the message says what.</exception>
    /// <exception cref="InvalidDataException">The messages are no conversation, or an option is impossible.</exception>
    public static ChatRequest From(IEnumerable<ChatMessage> messages, ChatOptions? options, ChatSettings settings)
    {
        ArgumentNullException.ThrowIfNull(messages);
        options ??= new ChatOptions();
        RefuseUnsupported(options);
        List<string> system = options.Instructions is { Length: > 0 } instructions ? [instructions] : [];
        List<ChatTurn> turns = [];
        foreach (ChatMessage message in messages)
        {
            ArgumentNullException.ThrowIfNull(message, nameof(messages));
            Add(turns, system, message);
        }

        if (system.Count > 0)
        {
            if (!settings.Style.HasSystem)
            {
                throw new NotSupportedException(
                    $"The prompt style '{settings.Style.Name}' of this model has no place for instructions or a system message; leave them out.");
            }

            turns.Insert(0, new ChatTurn(TurnRole.System, string.Join('\n', system)));
        }

        if (ChatTurn.OrderProblem(turns, TurnRole.User) is { } problem)
        {
            throw new InvalidDataException($"The messages can't be replied to: {problem}; send the user's first, then the assistant's and the user's by turns.");
        }

        if (string.IsNullOrWhiteSpace(turns[^1].Text))
        {
            throw new InvalidDataException("The last message is empty; send something to reply to.");
        }

        GenerationOptions generation = Generation(options, settings.MaxTokens);
        generation.Validate();
        return new ChatRequest(turns, generation);
    }

    private static void Add(List<ChatTurn> turns, List<string> system, ChatMessage message)
    {
        string text = TextOf(message);
        if (message.Role == ChatRole.System)
        {
            if (turns.Count > 0)
            {
                throw new NotSupportedException("A system message comes after others; send it first.");
            }

            system.Add(text);
            return;
        }

        TurnRole role = message.Role == ChatRole.User ? TurnRole.User
            : message.Role == ChatRole.Assistant ? TurnRole.Assistant
            : throw new NotSupportedException($"A message has the role '{message.Role}'; this model knows system, user and assistant.");
        if (turns.Count > 0 && turns[^1].Role == role)
        {
            turns[^1] = turns[^1] with { Text = turns[^1].Text + "\n" + text };
        }
        else
        {
            turns.Add(new ChatTurn(role, text));
        }
    }

    private static string TextOf(ChatMessage message)
    {
        AIContent? other = message.Contents.FirstOrDefault(content => content is not (TextContent or UsageContent));
        return other is null ? message.Text : throw new NotSupportedException($"A message holds {other.GetType().Name}; this model takes text only.");
    }

    private static GenerationOptions Generation(ChatOptions options, int maxTokens)
    {
        SamplingOptions usual = new();
        return new GenerationOptions
        {
            MaxTokens = options.MaxOutputTokens ?? maxTokens,
            Sampling = new SamplingOptions
            {
                Temperature = Decimal(options.Temperature) ?? usual.Temperature,
                TopK = options.TopK ?? usual.TopK,
                TopP = Decimal(options.TopP) ?? usual.TopP,
                MinP = Additional(options, MinP) ?? usual.MinP,
                RepetitionPenalty = Additional(options, RepetitionPenalty) ?? usual.RepetitionPenalty,
            },
            Stop = [.. options.StopSequences ?? []],
            Seed = options.Seed is { } seed ? unchecked((ulong)seed) : (ulong)RandomNumberGenerator.GetInt32(int.MaxValue),
        };
    }

    // 0.8f is meant as 0.8, not as the float32 nearest to it.
    private static double? Decimal(float? value) =>
        value is { } number ? double.Parse(number.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : null;

    private static double? Additional(ChatOptions options, string name) =>
        options.AdditionalProperties is null || !options.AdditionalProperties.TryGetValue(name, out object? value) ? null
        : value is IConvertible number and not string ? number.ToDouble(CultureInfo.InvariantCulture)
        : throw new NotSupportedException($"The additional property '{name}' must be a number.");

    private static void RefuseUnsupported(ChatOptions options)
    {
        Refuse(options.Tools is { Count: > 0 } || options.ToolMode is RequiredChatToolMode, "call tools");
        Refuse(options.ResponseFormat is not (null or ChatResponseFormatText), "promise a JSON response");
        Refuse(options.FrequencyPenalty is not (null or 0), "apply a frequency penalty");
        Refuse(options.PresencePenalty is not (null or 0), "apply a presence penalty");
        Refuse(options.Reasoning is not null, "reason apart from its reply");
        Refuse(options.ConversationId is not null, "remember conversations, so ConversationId means nothing to it");
        Refuse(options.RawRepresentationFactory is not null, "take options of another kind, so RawRepresentationFactory means nothing to it");
#pragma warning disable MEAI001 // Marked as experimental: read here only to refuse them.
        Refuse(options.AllowBackgroundResponses is true || options.ContinuationToken is not null, "reply in the background");
#pragma warning restore MEAI001
        string? unknown = options.AdditionalProperties?.Keys.FirstOrDefault(name => name is not (MinP or RepetitionPenalty));
        if (unknown is not null)
        {
            throw new NotSupportedException($"The additional property '{unknown}' is unknown; there are {MinP} and {RepetitionPenalty}.");
        }
    }

    private static void Refuse(bool isAsked, string what)
    {
        if (isAsked)
        {
            throw new NotSupportedException($"This model can't {what}; leave it out of the options.");
        }
    }
}
