using Microsoft.Extensions.AI;
using Quatrain.Inference;
using Quatrain.Inference.Chat;
using Quatrain.Inference.Sampling;
using Quatrain.Inference.Tests;
using Quatrain.Models;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Extensions.Tests;

public sealed class QuatrainChatClientTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;
    private readonly QuatrainChatClient _client;

    public QuatrainChatClientTests()
    {
        _path = ChatModel.Write(_folder.File("tiny"), PromptStyle.Plain);
        _client = QuatrainChatClient.Open(_path, new QuatrainChatOptions { Threads = 1 });
    }

    private static ChatOptions Options => new() { Temperature = 1, Seed = 5, MaxOutputTokens = 30 };

    public void Dispose()
    {
        _client.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_response_is_the_engine_s_reply_with_exact_counts()
    {
        ChatResponse response = await _client.GetResponseAsync(
            [new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "Oh"), new(ChatRole.User, "the"), new(ChatRole.User, "end")], Options);

        ChatReply reply = Reply(
            [new(TurnRole.User, "Hi"), new(TurnRole.Assistant, "Oh"), new(TurnRole.User, "the\nend")],
            new GenerationOptions { MaxTokens = 30, Seed = 5, Sampling = new SamplingOptions { Temperature = 1 } });
        response.Text.ShouldBe(reply.Text);
        response.Text.Length.ShouldBeGreaterThan(10);
        response.Messages.ShouldHaveSingleItem().Role.ShouldBe(ChatRole.Assistant);
        response.FinishReason.ShouldBe(ChatFinishReason.Length);
        response.ModelId.ShouldBe("tiny");
        response.Usage!.InputTokenCount.ShouldBe(reply.PromptTokens);
        response.Usage.OutputTokenCount.ShouldBe(30);
        response.Usage.TotalTokenCount.ShouldBe(reply.PromptTokens + 30);
        (await _client.GetResponseAsync("Hi", new ChatOptions { Temperature = 0 })).Usage!.OutputTokenCount.ShouldBe(20);
    }

    [Fact]
    public async Task The_pieces_of_a_stream_are_the_response()
    {
        ChatResponse whole = await _client.GetResponseAsync("Hi", Options);
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync("Hi", Options))
        {
            updates.Add(update);
        }

        updates.Count.ShouldBeGreaterThan(10);
        string.Concat(updates.Select(update => update.Text)).ShouldBe(whole.Text);
        updates.SkipLast(1).ShouldAllBe(update => update.FinishReason == null && update.Text.Length > 0);
        ChatResponse joined = updates.ToChatResponse();
        joined.Text.ShouldBe(whole.Text);
        joined.FinishReason.ShouldBe(whole.FinishReason);
        joined.ModelId.ShouldBe("tiny");
        joined.Messages.ShouldHaveSingleItem().Role.ShouldBe(ChatRole.Assistant);
        (joined.Usage!.InputTokenCount, joined.Usage.OutputTokenCount, joined.Usage.TotalTokenCount)
            .ShouldBe((whole.Usage!.InputTokenCount, whole.Usage.OutputTokenCount, whole.Usage.TotalTokenCount));
    }

    /// <summary>The first piece comes while the reply is being written: of one that is longer than the channel, the rest needs a reader.</summary>
    [Fact]
    public async Task A_stream_waits_for_its_reader_and_leaving_it_ends_the_reply()
    {
        await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync("Hi", Long))
        {
            update.Text.ShouldNotBeEmpty();
            break;
        }

        // The model is free again.
        (await _client.GetResponseAsync("Hi", Options).WaitAsync(TimeSpan.FromMinutes(1))).Usage!.OutputTokenCount.ShouldBe(30);
    }

    [Fact]
    public async Task Cancelling_ends_a_reply_between_two_tokens()
    {
        using CancellationTokenSource source = new();
        int pieces = 0;
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync("Hi", Long, source.Token))
            {
                if (++pieces == 3)
                {
                    await source.CancelAsync();
                }
            }
        });
        pieces.ShouldBe(3);
        await Should.ThrowAsync<OperationCanceledException>(() => _client.GetResponseAsync("Hi", Options, source.Token));

        using CancellationTokenSource soon = new(TimeSpan.FromMilliseconds(1));
        await Should.ThrowAsync<OperationCanceledException>(async () =>
        {
            while (true)
            {
                await _client.GetResponseAsync("Hi", Long, soon.Token);
            }
        });
        (await _client.GetResponseAsync("Hi", Options)).Usage!.OutputTokenCount.ShouldBe(30);
    }

    [Fact]
    public async Task Calls_at_the_same_time_get_what_they_would_get_alone()
    {
        string[] texts = ["Hi", "the end", "quit", "Oh no", "sat", "enter"];
        List<string> alone = [];
        foreach (string text in texts)
        {
            alone.Add((await _client.GetResponseAsync(text, Options)).Text);
        }

        string[] together = await Task.WhenAll(texts.Select((text, i) => Task.Run(async () => i % 2 == 0
            ? (await _client.GetResponseAsync(text, Options)).Text
            : (await _client.GetStreamingResponseAsync(text, Options).ToChatResponseAsync()).Text)));

        together.ShouldBe(alone);
        alone.Distinct().Count().ShouldBeGreaterThan(3);
    }

    /// <summary>Conversations that go on, alternate, are edited or were left in the middle: each is read as far as it begins as the last did, and answered as if it were the first.</summary>
    [Fact]
    public async Task What_the_last_call_began_with_is_not_read_again()
    {
        ChatMessage[] first = [new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "the end"), new(ChatRole.User, "Oh")];
        ChatMessage[] edited = [first[0], new(ChatRole.Assistant, "the enter"), first[2]];
        long toHi = await Cached([first[0]], 0, 0) + 1;
        long whole = await Cached(first, toHi, toHi + 8);
        await Cached(first, whole, whole);
        await Cached(edited, toHi, whole - 1);
        await Cached([new(ChatRole.User, "quit")], 1, toHi - 1);
        await Cached(first, 1, toHi - 1);
        await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync([.. first, new(ChatRole.Assistant, "sat"), new(ChatRole.User, "Hi")], Long))
        {
            break;
        }

        await Cached(edited, toHi, whole - 1);
        await Should.ThrowAsync<InvalidDataException>(() => _client.GetResponseAsync([.. edited, new(ChatRole.Assistant, ""), new(ChatRole.User, new string('a', 300))]));
        await Cached([.. edited, new(ChatRole.Assistant, "sat"), new(ChatRole.User, "Hi")], whole, whole + 8);

        // Returns the prompt's tokens but the last, which is always read.
        async Task<long> Cached(ChatMessage[] messages, long least, long most)
        {
            using QuatrainChatClient fresh = QuatrainChatClient.Open(_path, new QuatrainChatOptions { Threads = 1 });
            ChatResponse expected = await fresh.GetResponseAsync(messages, Options);
            ChatResponse response = await _client.GetStreamingResponseAsync(messages, Options).ToChatResponseAsync();
            response.Text.ShouldBe(expected.Text);
            expected.Usage!.CachedInputTokenCount.ShouldBe(0);
            response.Usage!.InputTokenCount.ShouldBe(expected.Usage.InputTokenCount);
            response.Usage.CachedInputTokenCount!.Value.ShouldBeInRange(least, most);
            return response.Usage.InputTokenCount!.Value - 1;
        }
    }

    [Fact]
    public async Task Options_are_honoured()
    {
        string greedy = (await _client.GetResponseAsync("Hi", new ChatOptions { Temperature = 0 })).Text;
        string drawn = (await _client.GetResponseAsync("Hi", Options)).Text;

        drawn.ShouldNotBe(greedy);
        (await _client.GetResponseAsync("Hi", With(options => options.Seed = 6))).Text.ShouldNotBe(drawn);
        (await _client.GetResponseAsync("Hi", With(options => options.Temperature = 2))).Text.ShouldNotBe(drawn);
        (await Text(With(options => (options.TopK, options.MaxOutputTokens) = (1, 20)))).ShouldBe(greedy);
        (await Text(With(options => (options.TopP, options.MaxOutputTokens) = (0, 20)))).ShouldBe(greedy);
        (await Text(With(options => (options.AdditionalProperties, options.MaxOutputTokens) = (new() { ["min_p"] = 1.0 }, 20)))).ShouldBe(greedy);
        (await Text(With(options => options.AdditionalProperties = new() { ["repetition_penalty"] = 50 }))).ShouldNotBe(drawn);
        ChatResponse stopped = await _client.GetResponseAsync("Hi", With(options => options.StopSequences = [drawn[4..6]]));
        stopped.Text.ShouldBe(drawn[..drawn.IndexOf(drawn[4..6], StringComparison.Ordinal)]);
        stopped.FinishReason.ShouldBe(ChatFinishReason.Stop);
        (await Text(With(options => options.ModelId = "tiny"))).ShouldBe(drawn);
        (await Text(With(options => (options.ResponseFormat, options.Tools, options.ToolMode, options.FrequencyPenalty) = (ChatResponseFormat.Text, [], ChatToolMode.Auto, 0)))).ShouldBe(drawn);

        async Task<string> Text(ChatOptions options) => (await _client.GetResponseAsync("Hi", options)).Text;
    }

    [Fact]
    public async Task Instructions_are_the_system_text_where_the_style_has_a_place_for_one()
    {
        ChatReply reply = Reply([new(TurnRole.System, "Be brief.\nBe kind."), new(TurnRole.User, "Hi")], new GenerationOptions { MaxTokens = 30, Seed = 5, Sampling = new SamplingOptions { Temperature = 1 } });

        (await _client.GetResponseAsync([new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi")], With(options => options.Instructions = "Be brief."))).Text.ShouldBe(reply.Text);

        using QuatrainChatClient alpaca = QuatrainChatClient.Open(_path, new QuatrainChatOptions { Threads = 1, Style = PromptStyle.Alpaca });
        (await Should.ThrowAsync<NotSupportedException>(() => alpaca.GetResponseAsync("Hi", With(options => options.Instructions = "Be brief.")))).Message
            .ShouldBe("The prompt style 'alpaca' of this model has no place for instructions or a system message; leave them out.");
        ChatResponse last = await alpaca.GetResponseAsync([new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "Oh"), new(ChatRole.User, "the")], Options);
        last.Text.ShouldBe((await alpaca.GetResponseAsync("the", Options)).Text);
        last.AdditionalProperties![QuatrainChatClient.DroppedTurnsKey].ShouldBe(2);
    }

    public static TheoryData<string, ChatOptions> Unsupported => new()
    {
        { "call tools", new ChatOptions { Tools = [AIFunctionFactory.CreateDeclaration("f", null, default)] } },
        { "call tools", new ChatOptions { ToolMode = ChatToolMode.RequireAny } },
        { "promise a JSON response", new ChatOptions { ResponseFormat = ChatResponseFormat.Json } },
        { "apply a frequency penalty", new ChatOptions { FrequencyPenalty = 0.5f } },
        { "apply a presence penalty", new ChatOptions { PresencePenalty = 0.5f } },
        { "reason apart from its reply", new ChatOptions { Reasoning = new ReasoningOptions() } },
        { "remember conversations", new ChatOptions { ConversationId = "1" } },
        { "take options of another kind", new ChatOptions { RawRepresentationFactory = _ => null } },
        { "'logit_bias' is unknown", new ChatOptions { AdditionalProperties = new() { ["logit_bias"] = 1 } } },
        { "'min_p' must be a number", new ChatOptions { AdditionalProperties = new() { ["min_p"] = "1" } } },
        { "The model 'gpt-5' was asked for, and this is 'tiny'", new ChatOptions { ModelId = "gpt-5" } },
    };

    [Theory]
    [MemberData(nameof(Unsupported))]
    public async Task What_can_not_be_done_is_refused(string problem, ChatOptions options)
    {
        (await Should.ThrowAsync<NotSupportedException>(() => _client.GetResponseAsync("Hi", options))).Message.ShouldContain(problem);
        Should.Throw<NotSupportedException>(() => _client.GetStreamingResponseAsync("Hi", options)).Message.ShouldEndWith(".");
    }

    [Fact]
    public async Task Messages_that_are_no_conversation_are_refused()
    {
        await Refused<NotSupportedException>("holds DataContent; this model takes text only", new ChatMessage(ChatRole.User, [new DataContent("data:image/png;base64,AA==")]));
        await Refused<NotSupportedException>("the role 'tool'", new ChatMessage(ChatRole.Tool, "a"));
        await Refused<NotSupportedException>("send it first", new(ChatRole.User, "a"), new(ChatRole.System, "b"));
        await Refused<InvalidDataException>("the last message is not the user's");
        await Refused<InvalidDataException>("the last message is not the user's", new(ChatRole.User, "a"), new(ChatRole.Assistant, "b"));
        await Refused<InvalidDataException>("message 1 is the assistant's", new(ChatRole.Assistant, "b"), new(ChatRole.User, "a"));
        await Refused<InvalidDataException>("The last message is empty", new ChatMessage(ChatRole.User, " "));
        await Refused<InvalidDataException>("The message has 3", new ChatMessage(ChatRole.User, new string('a', 300)));
        (await Should.ThrowAsync<InvalidDataException>(() => _client.GetResponseAsync("Hi", With(options => options.Temperature = -1)))).Message.ShouldContain("The temperature can't be -1");
        await Should.ThrowAsync<InvalidDataException>(() => _client.GetStreamingResponseAsync([new ChatMessage(ChatRole.User, new string('a', 300))]).ToChatResponseAsync());

        async Task Refused<T>(string problem, params ChatMessage[] messages)
            where T : Exception => (await Should.ThrowAsync<T>(() => _client.GetResponseAsync(messages))).Message.ShouldContain(problem);
    }

    [Fact]
    public void Services_are_what_it_is_made_of()
    {
        _client.GetService<ChatClientMetadata>()!.DefaultModelId.ShouldBe("tiny");
        _client.GetService<ChatClientMetadata>()!.ProviderName.ShouldBe("quatrain");
        _client.GetService<IChatClient>().ShouldBeSameAs(_client);
        _client.GetService<QuatrainChatClient>().ShouldBeSameAs(_client);
        _client.GetService<ILanguageModel>()!.ContextLength.ShouldBe(256);
        _client.GetService<ITokenizer>()!.VocabularySize.ShouldBe(SmallBytePairs.Tokenizer.VocabularySize);
        _client.GetService<ChatSettings>()!.Style.ShouldBe(PromptStyle.Plain);
        _client.GetService<string>().ShouldBeNull();
        _client.GetService<IChatClient>("key").ShouldBeNull();
    }

    [Fact]
    public async Task Disposing_ends_what_runs_and_refuses_what_comes()
    {
        QuatrainChatClient client = QuatrainChatClient.Open(_path, new QuatrainChatOptions { Threads = 1 });
        IAsyncEnumerator<ChatResponseUpdate> running = client.GetStreamingResponseAsync("Hi", Long).GetAsyncEnumerator();
        (await running.MoveNextAsync()).ShouldBeTrue();
        Task<ChatResponse> waiting = client.GetResponseAsync("Hi", Options);

        client.Dispose();
        client.Dispose();

        await Should.ThrowAsync<ObjectDisposedException>(() => waiting);
        await Should.ThrowAsync<ObjectDisposedException>(async () =>
        {
            while (await running.MoveNextAsync())
            {
            }
        });
        await running.DisposeAsync();
        await Should.ThrowAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hi", Options));
    }

    [Fact]
    public void A_model_that_was_not_trained_to_chat_needs_a_style()
    {
        string bare = ChatModel.Write(_folder.File("bare"), style: null);

        Should.Throw<InvalidDataException>(() => QuatrainChatClient.Open(bare)).Message
            .ShouldBe($"'{bare}' has no chat.json, so it was not trained to chat; give a prompt style in the options.");
        using QuatrainChatClient client = QuatrainChatClient.Open(bare, new QuatrainChatOptions { Style = PromptStyle.ChatMl, System = "S" });
        client.GetService<ChatSettings>().ShouldBe(new ChatSettings { Style = PromptStyle.ChatMl, System = "S" });
        Should.Throw<InvalidDataException>(() => QuatrainChatClient.Open(bare, new QuatrainChatOptions { Style = PromptStyle.Alpaca, System = "S" }));
    }

    private static ChatOptions Long => With(options => options.MaxOutputTokens = 100_000);

    private static ChatOptions With(Action<ChatOptions> change)
    {
        ChatOptions options = Options;
        change(options);
        return options;
    }

    private ChatReply Reply(ChatTurn[] turns, GenerationOptions options)
    {
        using WorkerPool pool = new(1);
        using TextModel model = TextModel.Open(_path, null, pool);
        using ChatGenerator generator = new(model.Model, model.Tokenizer!, ChatSettings.TryLoad(_path)!, pool);
        return generator.Reply(turns, options);
    }
}
