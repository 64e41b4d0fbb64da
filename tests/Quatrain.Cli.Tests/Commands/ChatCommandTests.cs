using System.Globalization;
using System.Text.Json;
using Quatrain.Cli.Commands;
using Quatrain.Cli.Hosting;
using Quatrain.Cli.Tests.Support;
using Quatrain.Inference;
using Quatrain.Inference.Chat;
using Quatrain.Inference.Tests;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Cli.Tests.Commands;

public sealed class ChatCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public ChatCommandTests() => _model = ChatModel.Write(_folder.File("model"), PromptStyle.Plain);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Json_has_a_line_for_each_reply_and_messages_come_from_a_pipe()
    {
        JsonElement[] replies = Lines(await Chat("Hi\n\nthe caf\u00e9\r\n/reset\nHi", "--temperature", "0", "--json", "--seed", "7"));

        replies.Length.ShouldBe(3);
        TinyRun.Names(replies[0]).ShouldBe(["text", "finish_reason", "prompt_tokens", "cached_tokens", "tokens", "dropped_turns", "tokens_per_second", "seed"]);
        (string?, FinishReason, int) first = Expected("Hi");
        replies[0].GetProperty("text").GetString().ShouldBe(first.Item1);
        replies[0].GetProperty("prompt_tokens").GetInt32().ShouldBe(first.Item3);
        replies[0].GetProperty("finish_reason").GetString().ShouldBe("length");
        replies[0].GetProperty("tokens").GetInt32().ShouldBe(20);
        replies[0].GetProperty("seed").GetUInt64().ShouldBe(7UL);
        replies[0].GetProperty("cached_tokens").GetInt32().ShouldBe(0);
        replies[1].GetProperty("cached_tokens").GetInt32().ShouldBeGreaterThanOrEqualTo(first.Item3);
        // The second has the first before it; after the reset the third has nothing.
        replies[1].GetProperty("prompt_tokens").GetInt32().ShouldBeGreaterThan(first.Item3 + 20);
        replies[2].GetProperty("text").GetString().ShouldBe(first.Item1);
        replies.Select(reply => reply.GetProperty("seed").GetUInt64()).Distinct().Count().ShouldBe(3);
    }

    [Fact]
    public async Task Replies_are_lines_and_exit_ends()
    {
        string[] options = ["--temperature", "0", "--max-tokens", "5"];
        string?[] texts = [.. Lines(await Chat("Hi\nOh\n", [.. options, "--json"])).Select(reply => reply.GetProperty("text").GetString())];

        Outcome outcome = await Chat("Hi\nOh\n/exit\nHi\n", options);

        outcome.Success().ShouldBe(Quatrain.Cli.Display.TrainingDisplay.Printable(string.Concat(texts.Select(text => text + "\n"))));
        outcome.Error.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_system_text_and_the_style_can_be_chosen()
    {
        int usual = PromptTokens(await Chat("Hi", "--json"));

        PromptTokens(await Chat("Hi", "--json", "--system", "Be brief.")).ShouldBeGreaterThan(usual);
        PromptTokens(await Chat("Hi", "--json", "--style", "alpaca")).ShouldBeGreaterThan(usual + 50);
        string bare = ChatModel.Write(_folder.File("bare"), style: null);
        using QuatrainProcess process = QuatrainProcess.Start(["chat", bare, "--json", "--style", "plain", "--threads", "1"], input: "Hi");
        PromptTokens(await process.End()).ShouldBe(usual);
        (await CommandLine.Run("chat", bare)).Refusal()
            .ShouldBe($"'{bare}' has no chat.json, so it was not trained to chat; choose how prompts are written with --style (alpaca, phi3, chatml, plain).");
    }

    [Theory]
    [InlineData("There is no prompt style 'x'; there are alpaca, phi3, chatml, plain.", "--style", "x")]
    [InlineData("The prompt style 'alpaca' has no place for a system text; leave it out, or choose another style.", "--style", "alpaca", "--system", "a")]
    [InlineData("The number of tokens to generate is 0; it must lie between 1 and 10,000,000.", "--max-tokens", "0")]
    [InlineData("The temperature can't be -1; give 0 (always the most likely token) or a positive number such as 0.8.", "--temperature", "-1")]
    [InlineData("Stop string 1 is empty; give it at least one character or leave it out.", "--stop", "")]
    public async Task Refuses_what_it_can_not_use(string sentence, params string[] options) =>
        (await CommandLine.Run(["chat", _model, .. options])).Refusal().ShouldBe(sentence);

    [Fact]
    public async Task A_message_from_a_pipe_that_can_not_be_used_ends_with_a_sentence()
    {
        Outcome outcome = await Chat($"Hi\n{new string('a', 300)}\n", "--max-tokens", "1");

        outcome.ExitCode.ShouldBe(2);
        outcome.Error.ShouldStartWith("error: Line 2 of standard input can't be used: The message has 3");
    }

    [Fact]
    public void In_a_terminal_it_is_told_and_the_conversation_goes_on()
    {
        (string output, string error, ChatSession session) = Talk($"/what\n{new string('a', 300)}\nHi\n/reset\n", null);

        output.Split('\n').Length.ShouldBe(2);
        output.ShouldStartWith("> > > ");
        error.Split('\n')[0].ShouldBe("(There is no command /what; there are /reset and /exit.)");
        error.Split('\n')[1].ShouldStartWith("(The message has 3");
        error.Split('\n')[2].ShouldBe("(What was said is forgotten.)");
        session.History.ShouldBeEmpty();
    }

    /// <summary>An interruption while a reply is written ends that reply; one between replies ends the conversation.</summary>
    [Fact]
    public async Task An_interruption_ends_the_reply_and_then_the_conversation()
    {
        (_, string error, ChatSession session) = Talk("Hi\nHi\nHi\n", (interruption, shown) => interruption.Interrupt(endsAll: false), maxTokens: 200);
        error.ShouldBe("(The reply was stopped.)\n(The reply was stopped.)\n(The reply was stopped.)\n");
        session.History.Count.ShouldBe(6);

        (_, error, session) = Talk("Hi\nHi\nHi\n", (interruption, shown) => interruption.Interrupt(endsAll: true), maxTokens: 200);
        error.ShouldBe("(The reply was stopped.)\n");
        session.History.Count.ShouldBe(2);

        using ChatInterruption between = new();
        between.Interrupt(endsAll: false);
        between.Wait(() => "more").ShouldBeNull();
        using ChatInterruption reading = new();
        using ManualResetEventSlim never = new();
        Task<string?> waiting = Task.Run(() => reading.Wait(() =>
        {
            never.Wait();
            return "more";
        }));
        reading.Interrupt(endsAll: false);
        (await waiting).ShouldBeNull();
        never.Set();
    }

    [Fact]
    public void What_no_longer_fits_is_told()
    {
        (_, string error, _) = Talk(string.Concat(Enumerable.Repeat("Hello you\n", 8)), null, maxTokens: 40);

        error.ShouldContain("(The context is full: the oldest 2 turns were not sent; /reset begins anew.)");
    }

    private (string Output, string Error, ChatSession Session) Talk(string input, Action<ChatInterruption, string>? onPiece, int maxTokens = 5)
    {
        using WorkerPool pool = new(1);
        using TextModel model = TextModel.Open(_model, null, pool);
        using ChatSession session = new(model.Model, model.Tokenizer!, ChatSettings.TryLoad(_model)!, pool);
        using ChatInterruption interruption = new();
        using WatchedWriter output = new(piece => onPiece?.Invoke(interruption, piece));
        using StringWriter error = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        ChatLoop loop = new(session, new GenerationOptions { MaxTokens = maxTokens, Seed = 1 }, output, error, interruption) { IsTerminal = true };
        using StringReader reader = new(input);
        loop.Run(reader);
        return (output.ToString(), error.ToString(), session);
    }

    private (string? Text, FinishReason Reason, int PromptTokens) Expected(string message)
    {
        using WorkerPool pool = new(1);
        using TextModel model = TextModel.Open(_model, null, pool);
        using ChatSession session = new(model.Model, model.Tokenizer!, ChatSettings.TryLoad(_model)!, pool);
        ChatReply reply = session.Reply(message, new GenerationOptions { MaxTokens = 20, Sampling = new() { Temperature = 0 } });
        return (reply.Text, reply.FinishReason, reply.PromptTokens);
    }

    private async Task<Outcome> Chat(string input, params string[] options)
    {
        using QuatrainProcess process = QuatrainProcess.Start(["chat", _model, "--threads", "1", .. options], input: input);
        return await process.End();
    }

    private static int PromptTokens(Outcome outcome) => Lines(outcome)[0].GetProperty("prompt_tokens").GetInt32();

    private static JsonElement[] Lines(Outcome outcome) =>
        [.. outcome.Success().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    /// <summary>Tells of each piece of a reply, which is all that is written but prompts and line ends.</summary>
    private sealed class WatchedWriter(Action<string> onPiece) : StringWriter(CultureInfo.InvariantCulture)
    {
        public override void Write(string? value)
        {
            base.Write(value);
            if (value is not (null or "> "))
            {
                onPiece(value);
            }
        }

        public override void WriteLine() => base.Write("\n");
    }
}
