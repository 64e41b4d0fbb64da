using Quatrain.Inference.Chat;
using Quatrain.Inference.Sampling;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Chat;

/// <summary>A conversation is not read again with each message, and its replies are those of one that is.</summary>
public sealed class ChatCacheTests : IDisposable
{
    private static readonly BytePairTokenizer Tokenizer = SmallBytePairs.Tokenizer;
    private static readonly GenerationOptions Sampled = new() { MaxTokens = 15, Sampling = new SamplingOptions { Temperature = 1, RepetitionPenalty = 1.1 } };
    private static readonly GenerationOptions Greedy = Sampled with { Sampling = new SamplingOptions { Temperature = 0 } };

    private readonly WorkerPool _pool = new(1);
    private readonly Gpt2Model _model = RandomModel.Create(600, Tokenizer.VocabularySize);
    private readonly Gpt2Model _short = RandomModel.Create(100, Tokenizer.VocabularySize);

    public void Dispose()
    {
        _short.Dispose();
        _model.Dispose();
        _pool.Dispose();
    }

    public static TheoryData<PromptStyle, bool> Styles => new()
    {
        { PromptStyle.Plain, true },
        { PromptStyle.Plain, false },
        { PromptStyle.Phi3, true },
        { PromptStyle.ChatMl, false },
    };

    [Theory]
    [MemberData(nameof(Styles))]
    public void Each_message_of_a_conversation_is_read_with_the_last_reply_only(PromptStyle style, bool isGreedy)
    {
        ChatSettings settings = new() { Style = style, System = "Be brief." };
        using ChatSession session = new(_model, Tokenizer, settings, _pool);
        GenerationOptions options = isGreedy ? Greedy : Sampled;
        int before = 0;
        for (int i = 0; i < 4; i++)
        {
            ChatReply reply = Says(session, _model, settings, "the end", options.ForSample(i));
            reply.DroppedTurns.ShouldBe(0);
            reply.CachedTokens.ShouldBeGreaterThanOrEqualTo(before);
            before = reply.PromptTokens;
        }

        session.Reset();
        int system = Tokenizer.Encode(style.System("Be brief.")).Length;
        Says(session, _model, settings, "quit", options).CachedTokens.ShouldBeGreaterThanOrEqualTo(system);
        Says(session, _model, settings, "Oh", options).CachedTokens.ShouldBeGreaterThan(system);
    }

    [Fact]
    public void A_conversation_that_outgrows_the_context_is_read_from_where_it_now_begins()
    {
        ChatSettings settings = new() { Style = PromptStyle.Plain, System = "Be brief." };
        using ChatSession session = new(_short, Tokenizer, settings, _pool);
        int system = Tokenizer.Encode(PromptStyle.Plain.System("Be brief.")).Length;
        int dropping = 0;
        for (int i = 0; i < 8; i++)
        {
            // Now and then a reply that goes on to the end of the context.
            ChatReply reply = Says(session, _short, settings, "Hello", Sampled.ForSample(i) with { MaxTokens = i % 3 == 2 ? 1000 : 12 });
            if (reply.DroppedTurns > 0)
            {
                reply.CachedTokens.ShouldBeGreaterThanOrEqualTo(system);
                dropping++;
            }
        }

        dropping.ShouldBeGreaterThan(3);
    }

    [Fact]
    public void A_reply_that_was_stopped_leaves_what_was_read_of_it()
    {
        ChatSettings settings = new() { Style = PromptStyle.Plain };
        using ChatSession session = new(_model, Tokenizer, settings, _pool);
        int before = 0;
        for (int i = 0; i < 4; i++)
        {
            using CancellationTokenSource source = new();
            int pieces = 0;
            ChatReply stopped = session.Reply("Hi", Sampled.ForSample(i), _ =>
            {
                if (++pieces > i)
                {
                    source.Cancel();
                }
            }, source.Token);
            stopped.FinishReason.ShouldBe(FinishReason.Cancelled);
            session.History.Count.ShouldBe(4 * i + 2);
            // Stopped before it began, and forgotten.
            session.Reply("quit", Sampled, cancellation: source.Token).Tokens.ShouldBe(0);

            ChatReply reply = Says(session, _model, settings, "the", Sampled.ForSample(i));
            reply.CachedTokens.ShouldBeGreaterThanOrEqualTo(stopped.PromptTokens);
            stopped.PromptTokens.ShouldBeGreaterThan(before);
            before = reply.PromptTokens;
        }
    }

    [Fact]
    public void A_stop_text_or_token_ends_a_reply_and_what_follows_is_right()
    {
        ChatSettings settings = new() { Style = PromptStyle.Plain };
        using ChatSession session = new(_model, Tokenizer, settings, _pool);
        string free = Fresh(_model, settings, [new ChatTurn(TurnRole.User, "Hi")], Greedy).Text;

        Says(session, _model, settings, "Hi", Greedy with { Stop = [free[3..5]] }).FinishReason.ShouldBe(FinishReason.Stop);
        Says(session, _model, settings, "Hi", Greedy);
        for (int token = 0; token < 40; token += 4)
        {
            Says(session, _model, settings, "the end", Sampled.ForSample(token) with { MaxTokens = 8, StopTokens = [.. Enumerable.Range(token, 40)] });
        }

        Says(session, _model, settings, "Oh", Greedy);
    }

    [Fact]
    public void Sessions_that_alternate_don_t_meet()
    {
        ChatSettings brief = new() { Style = PromptStyle.Plain, System = "Be brief." }, kind = brief with { System = "Be kind." };
        using ChatSession one = new(_model, Tokenizer, brief, _pool), two = new(_model, Tokenizer, kind, _pool);
        int before = 0;
        for (int i = 0; i < 3; i++)
        {
            ChatReply reply = Says(one, _model, brief, "Hi", Sampled.ForSample(i));
            reply.CachedTokens.ShouldBeGreaterThanOrEqualTo(before);
            before = reply.PromptTokens;
            Says(two, _model, kind, "Hi", Sampled.ForSample(i));
        }
    }

    /// <summary>One generator with conversations that alternate and histories that are edited, as a client without memory of its own is called.</summary>
    [Fact]
    public void What_is_cached_is_used_as_far_as_a_conversation_begins_with_it()
    {
        ChatSettings settings = new() { Style = PromptStyle.Plain };
        using ChatGenerator generator = new(_model, Tokenizer, settings, _pool, keepsCache: true);
        ChatTurn[] first = [new(TurnRole.User, "Hi"), new(TurnRole.Assistant, "the end"), new(TurnRole.User, "Oh")];
        ChatTurn[] second = [new(TurnRole.User, "quit"), new(TurnRole.Assistant, "sat"), new(TurnRole.User, "enter")];
        ChatTurn[] edited = [first[0], new(TurnRole.Assistant, "the enter"), first[2]];
        int whole = new ChatEncoder(Tokenizer, settings).EncodePrompt(first).Length;
        int toHi = new ChatEncoder(Tokenizer, settings).EncodePrompt(first[..1]).Length;

        Replies(first).ShouldBe(0);
        Replies(second).ShouldBeLessThan(toHi);
        Replies(first).ShouldBeLessThan(toHi);
        Replies(first).ShouldBe(whole - 1);
        Replies(edited).ShouldBeInRange(toHi, whole - 2);
        Replies(first[..1]).ShouldBe(toHi - 1);
        Replies(first).ShouldBeGreaterThanOrEqualTo(toHi);

        int Replies(ChatTurn[] turns)
        {
            ChatReply reply = generator.Reply(turns, Greedy);
            Same(reply, Fresh(_model, settings, turns, Greedy));
            return reply.CachedTokens;
        }
    }

    /// <summary>As a model's files may hold them, and for any number of threads.</summary>
    [Theory]
    [InlineData(WeightFormat.BFloat16)]
    [InlineData(WeightFormat.Int8)]
    public void Weights_of_less_precision_give_the_same_too(WeightFormat format)
    {
        using TemporaryFolder folder = new();
        string path = ChatModel.Write(folder.File("model"), PromptStyle.Plain);
        using WorkerPool two = new(2);
        using TextModel model = TextModel.Open(path, format, two);
        ChatSettings settings = ChatSettings.TryLoad(path)!;
        using ChatSession session = new(model.Model, Tokenizer, settings, two);
        for (int i = 0; i < 3; i++)
        {
            ChatReply reply = session.Reply("Hi", Sampled.ForSample(i));
            using ChatGenerator fresh = new(model.Model, Tokenizer, settings, _pool);
            Same(reply, fresh.Reply([.. session.History.SkipLast(1)], Sampled.ForSample(i)));
        }
    }

    /// <summary>The session's reply, which is the one that a generator without a past gives to the same turns.</summary>
    private ChatReply Says(ChatSession session, Gpt2Model model, ChatSettings settings, string text, GenerationOptions options)
    {
        ChatTurn[] turns = [.. session.History, new ChatTurn(TurnRole.User, text)];
        ChatReply reply = session.Reply(text, options);
        Same(reply, Fresh(model, settings, turns, options));
        return reply;
    }

    private ChatReply Fresh(Gpt2Model model, ChatSettings settings, ChatTurn[] turns, GenerationOptions options)
    {
        using ChatGenerator generator = new(model, Tokenizer, settings, _pool);
        return generator.Reply(turns, options);
    }

    private static void Same(ChatReply reply, ChatReply fresh)
    {
        fresh.CachedTokens.ShouldBe(0);
        reply.ShouldBe(fresh with { CachedTokens = reply.CachedTokens, TokensPerSecond = reply.TokensPerSecond });
    }
}
