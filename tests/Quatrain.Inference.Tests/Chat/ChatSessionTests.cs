using Quatrain.Inference.Chat;
using Quatrain.Inference.Sampling;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Chat;

public sealed class ChatSessionTests : IDisposable
{
    private const int ContextLength = 96;

    private static readonly BytePairTokenizer Tokenizer = SmallBytePairs.Tokenizer;
    private static readonly GenerationOptions Options = new() { MaxTokens = 12, Sampling = new SamplingOptions { Temperature = 1 }, Seed = 3 };

    private readonly WorkerPool _pool = new(1);
    private readonly Gpt2Model _model = RandomModel.Create(ContextLength, Tokenizer.VocabularySize);

    public void Dispose()
    {
        _model.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void Replies_are_what_the_encoded_prompt_is_continued_by()
    {
        using ChatSession session = Session(PromptStyle.Plain);
        ChatEncoder encoder = new(Tokenizer, new ChatSettings { Style = PromptStyle.Plain });
        List<string> pieces = [];

        ChatReply first = session.Reply("Hi", Options, pieces.Add);
        ChatReply second = session.Reply("Oh", Options);

        first.ShouldBe(Expected(encoder.EncodePrompt([new ChatTurn(TurnRole.User, "Hi")])) with { TokensPerSecond = first.TokensPerSecond });
        first.Tokens.ShouldBe(12);
        first.FinishReason.ShouldBe(FinishReason.Length);
        string.Concat(pieces).ShouldBe(first.Text);
        pieces.Count.ShouldBeGreaterThan(3);
        second.ShouldBe(Expected(encoder.EncodePrompt([.. session.History.SkipLast(1)])) with { TokensPerSecond = second.TokensPerSecond, CachedTokens = second.CachedTokens });
        // The reply to "Hi" and what ends it may be written with other tokens than were drawn; the prompt before it is the same.
        second.CachedTokens.ShouldBeInRange(first.PromptTokens, first.PromptTokens + first.Tokens - 1);
        session.History.Select(turn => turn.Text).ShouldBe(["Hi", first.Text, "Oh", second.Text]);
        session.History.Select(turn => turn.Role).ShouldBe([TurnRole.User, TurnRole.Assistant, TurnRole.User, TurnRole.Assistant]);
    }

    [Fact]
    public void Reset_forgets()
    {
        using ChatSession session = Session(PromptStyle.Plain);
        ChatReply first = session.Reply("Hi", Options);
        session.Reply("Oh", Options);

        session.Reset();

        session.History.ShouldBeEmpty();
        session.Reply("Hi", Options).Text.ShouldBe(first.Text);
    }

    /// <summary>A system text, the newest turns, and room for the reply: what is left of a long conversation.</summary>
    [Fact]
    public void The_oldest_turns_are_not_sent_when_the_context_is_full()
    {
        const string System = "Be brief.";
        using ChatSession session = Session(PromptStyle.Plain, System);
        ChatEncoder encoder = new(Tokenizer, new ChatSettings { Style = PromptStyle.Plain, System = System });
        List<int> dropped = [];
        for (int i = 0; i < 5; i++)
        {
            ChatReply reply = session.Reply("Hello", Options with { MaxTokens = 5 });
            ChatTurn[] sent = [.. session.History.SkipLast(1).Skip(reply.DroppedTurns)];
            reply.PromptTokens.ShouldBe(encoder.EncodePrompt(sent).Length);
            (reply.PromptTokens + 5).ShouldBeLessThanOrEqualTo(ContextLength);
            if (reply.DroppedTurns > 0)
            {
                (encoder.EncodePrompt([.. session.History.SkipLast(1).Skip(reply.DroppedTurns - 2)]).Length + 5).ShouldBeGreaterThan(ContextLength);
            }

            dropped.Add(reply.DroppedTurns);
        }

        dropped[0].ShouldBe(0);
        dropped[^1].ShouldBeGreaterThan(0);
        dropped.ShouldAllBe(count => count % 2 == 0);
        session.History.Count.ShouldBe(10);
    }

    [Fact]
    public void A_reply_ends_with_the_context()
    {
        using ChatSession session = Session(PromptStyle.Plain);
        string text = new('a', ContextLength - 40);

        ChatReply reply = session.Reply(text, Options with { MaxTokens = 1000 });

        reply.FinishReason.ShouldBe(FinishReason.Length);
        (reply.PromptTokens + reply.Tokens).ShouldBe(ContextLength);
        Should.Throw<InvalidDataException>(() => session.Reply(new string('a', ContextLength), Options)).Message
            .ShouldStartWith($"The message has {ContextLength + Tokenizer.Encode("User:\n").Length + Tokenizer.Encode("\n\nAssistant:\n").Length} tokens with what the prompt style 'plain' adds");
        session.History.Count.ShouldBe(2);
    }

    [Fact]
    public void Alpaca_sends_the_last_message_only_and_says_so()
    {
        using Gpt2Model model = RandomModel.Create(256, Tokenizer.VocabularySize);
        using ChatSession session = new(model, Tokenizer, new ChatSettings { Style = PromptStyle.Alpaca }, _pool);

        ChatReply first = session.Reply("Hi", Options);
        ChatReply second = session.Reply("Hi", Options);

        session.HasHistory.ShouldBeFalse();
        (first.DroppedTurns, second.DroppedTurns).ShouldBe((0, 2));
        (second.Text, second.PromptTokens).ShouldBe((first.Text, first.PromptTokens));
    }

    [Fact]
    public void Cancelling_keeps_what_came()
    {
        using ChatSession session = Session(PromptStyle.Plain);
        using CancellationTokenSource source = new();
        string shown = "";

        ChatReply reply = session.Reply("Hi", Options, piece =>
        {
            shown += piece;
            if (shown.Length >= 3)
            {
                source.Cancel();
            }
        }, source.Token);

        reply.FinishReason.ShouldBe(FinishReason.Cancelled);
        reply.Tokens.ShouldBeLessThan(12);
        session.History[1].Text.ShouldBe(reply.Text);
        reply.Text.ShouldStartWith(shown);

        ChatReply none = session.Reply("Oh", Options, cancellation: source.Token);
        none.Tokens.ShouldBe(0);
        session.History.Count.ShouldBe(2);
        Should.Throw<InvalidDataException>(() => session.Reply(" \n", Options)).Message.ShouldBe("The message is empty; write something to reply to.");
    }

    [Fact]
    public void The_end_of_text_and_the_style_s_stop_text_end_a_reply()
    {
        using ChatSession session = Session(PromptStyle.Plain);
        ChatReply whole = session.Reply("Hi", Options);
        session.Reset();
        string stop = whole.Text[2..3];
        ChatReply stopped = session.Reply("Hi", Options with { Stop = [stop] });
        session.Reset();
        int[] ids = [.. Generated(new ChatEncoder(Tokenizer, new ChatSettings { Style = PromptStyle.Plain }).EncodePrompt([new ChatTurn(TurnRole.User, "Hi")])).Ids];
        ChatReply ended = session.Reply("Hi", Options with { StopTokens = [ids[5]] });

        stopped.Text.ShouldBe(whole.Text[..whole.Text.IndexOf(stop, StringComparison.Ordinal)]);
        stopped.FinishReason.ShouldBe(FinishReason.Stop);
        ended.FinishReason.ShouldBe(FinishReason.Stop);
        ended.Tokens.ShouldBe(Array.IndexOf(ids, ids[5]));
    }

    private ChatSession Session(PromptStyle style, string? system = null) => new(_model, Tokenizer, new ChatSettings { Style = style, System = system }, _pool);

    private GenerationResult Generated(int[] prompt)
    {
        using TextGenerator generator = new(_model, Tokenizer, _pool);
        return generator.Generate(prompt, Options with { StopTokens = [Tokenizer.EndOfTextId!.Value], Stop = [PromptStyle.Plain.StopText] });
    }

    private ChatReply Expected(int[] prompt)
    {
        GenerationResult result = Generated(prompt);
        return new ChatReply(result.Text!, prompt.Length, 0, result.Ids.Count, result.FinishReason, 0, 0);
    }
}
