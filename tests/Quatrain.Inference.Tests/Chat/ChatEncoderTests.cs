using Quatrain.Inference.Chat;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Chat;

public sealed class ChatEncoderTests
{
    private static readonly BytePairTokenizer Tokenizer = SmallBytePairs.Tokenizer;
    private static readonly ChatTurn[] OneReply = [User("Name it."), Assistant(" the end")];
    private static readonly ChatTurn[] TwoReplies = [.. OneReply, User("And now?"), Assistant("No.")];

    public static TheoryData<string> Styles => [.. PromptStyle.All.Select(style => style.Name)];

    public static TheoryData<string> StylesWithHistory => [.. PromptStyle.All.Where(style => style.HasHistory).Select(style => style.Name)];

    /// <summary>Raschka's format_input and response_text, chapter 7.</summary>
    [Fact]
    public void Alpaca_is_worded_as_in_the_book()
    {
        const string Begin = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nCorrect it.";

        Text(Encoder("alpaca").Encode([User("Correct it."), Assistant("Done.")])).ShouldBe($"{Begin}\n\n### Response:\n[Done.<|endoftext|>]");
        Text(Encoder("alpaca").Encode([new ChatTurn(TurnRole.User, "Correct it.", "freind"), Assistant("friend")]))
            .ShouldBe($"{Begin}\n\n### Input:\nfreind\n\n### Response:\n[friend<|endoftext|>]");
    }

    [Theory]
    [InlineData("phi3", "<|user|>\nName it.\n<|assistant|>\n[ the end<|endoftext|>]\n<|user|>\nAnd now?\n<|assistant|>\n[No.<|endoftext|>]")]
    [InlineData("chatml", "<|im_start|>user\nName it.<|im_end|>\n<|im_start|>assistant\n[ the end<|im_end|>]\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n[No.<|im_end|>]")]
    [InlineData("plain", "User:\nName it.\n\nAssistant:\n[ the end<|endoftext|>]\n\nUser:\nAnd now?\n\nAssistant:\n[No.<|endoftext|>]")]
    public void Styles_with_history_write_each_turn(string style, string expected) => Text(Encoder(style).Encode(TwoReplies)).ShouldBe(expected);

    /// <summary>Without a token for the end of a text, the beginning of the next turn ends a reply, and is scored with it.</summary>
    [Theory]
    [InlineData("phi3", "<|user|>\nName it.\n<|assistant|>\n[ the end\n<|user|>]\nAnd now?\n<|assistant|>\n[No.\n<|user|>]")]
    [InlineData("chatml", "<|im_start|>user\nName it.<|im_end|>\n<|im_start|>assistant\n[ the end<|im_end|>]\n<|im_start|>user\nAnd now?<|im_end|>\n<|im_start|>assistant\n[No.<|im_end|>]")]
    [InlineData("plain", "User:\nName it.\n\nAssistant:\n[ the end\n\nUser:]\nAnd now?\n\nAssistant:\n[No.\n\nUser:]")]
    public void Without_an_end_of_text_the_stop_text_ends_a_reply(string style, string expected)
    {
        CharacterTokenizer characters = CharacterTokenizer.FromText(expected + "[]");
        EncodedChat chat = new ChatEncoder(characters, new ChatSettings { Style = PromptStyle.Named(style) }).Encode(TwoReplies);

        Text(chat, characters).ShouldBe(expected);
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public void A_prompt_is_the_beginning_of_what_is_trained_on_token_for_token(string style)
    {
        ChatEncoder encoder = Encoder(style);
        EncodedChat trained = encoder.Encode(OneReply);

        int[] prompt = encoder.EncodePrompt(OneReply[..1]);

        trained.Ids[..prompt.Length].ShouldBe(prompt);
        trained.IsReply.ShouldBe(Enumerable.Range(0, trained.Ids.Length).Select(i => i >= prompt.Length));
        // The space before the reply's first word is in its first token, so the texts joined would be cut otherwise.
        trained.Ids[prompt.Length].ShouldBe(Tokenizer.Encode(" the")[0]);
    }

    [Theory]
    [MemberData(nameof(StylesWithHistory))]
    public void So_is_a_prompt_with_history_and_a_system_text(string style)
    {
        ChatEncoder encoder = Encoder(style, system: "Be brief.");

        int[] prompt = encoder.EncodePrompt(TwoReplies[..3]);

        encoder.Encode(TwoReplies).Ids[..prompt.Length].ShouldBe(prompt);
        prompt.ShouldBe(encoder.EncodePrompt([new ChatTurn(TurnRole.System, "Be brief."), .. TwoReplies[..3]]));
        Tokenizer.Decode(prompt).ShouldContain("Be brief.");
        Tokenizer.Decode(encoder.EncodePrompt([new ChatTurn(TurnRole.System, "Be long."), .. TwoReplies[..3]])).ShouldNotContain("brief");
    }

    [Theory]
    [MemberData(nameof(Styles))]
    public void No_text_becomes_a_special_token(string style)
    {
        ChatEncoder encoder = Encoder(style);

        EncodedChat chat = encoder.Encode([User("<|endoftext|>"), Assistant("a <|endoftext|> b")]);

        chat.Ids.Count(id => id == Tokenizer.EndOfTextId).ShouldBe(encoder.EndsWithText ? 0 : 1);
        encoder.EncodePrompt([User("<|endoftext|>")]).ShouldNotContain(Tokenizer.EndOfTextId!.Value);
    }

    [Fact]
    public void A_style_without_history_sends_the_last_turn_only()
    {
        ChatEncoder encoder = Encoder("alpaca");

        encoder.EncodePrompt(TwoReplies[..3]).ShouldBe(encoder.EncodePrompt([TwoReplies[2]]));
        Should.Throw<InvalidDataException>(() => encoder.Encode(TwoReplies)).Message
            .ShouldBe("The conversation has 2 replies, and the prompt style 'alpaca' has no history; choose another style.");
    }

    [Fact]
    public void Refuses_what_is_no_conversation()
    {
        ChatEncoder encoder = Encoder("plain");

        Should.Throw<InvalidDataException>(() => encoder.EncodePrompt(OneReply)).Message.ShouldContain("the last message is not the user's");
        Should.Throw<InvalidDataException>(() => encoder.EncodePrompt([])).Message.ShouldContain("the last message is not the user's");
        Should.Throw<InvalidDataException>(() => encoder.Encode([User("a"), User("b"), Assistant("c")])).Message
            .ShouldContain("message 2 is the user's where the assistant's is due");
        Should.Throw<InvalidDataException>(() => encoder.Encode([User("a"), new ChatTurn(TurnRole.System, "b")])).Message.ShouldContain("message 2 is the system's");
        Should.Throw<InvalidDataException>(() => Encoder("alpaca").EncodePrompt([new ChatTurn(TurnRole.System, "a"), User("b")])).Message
            .ShouldBe("The conversation has a system text, and the prompt style 'alpaca' has no place for one; choose another style.");
        Should.Throw<InvalidDataException>(() => Encoder("alpaca", system: "a")).Message
            .ShouldBe("The prompt style 'alpaca' has no place for a system text; leave it out, or choose another style.");
        Should.Throw<InvalidDataException>(() => new ChatEncoder(CharacterTokenizer.FromText("abc"), new ChatSettings { Style = PromptStyle.Plain })).Message
            .ShouldStartWith("The prompt style 'plain' can't be used with this model's tokenizer: The character");
        Should.Throw<InvalidDataException>(() => PromptStyle.Named("Alpaca")).Message
            .ShouldBe("There is no prompt style 'Alpaca'; there are alpaca, phi3, chatml, plain.");
    }

    private static ChatEncoder Encoder(string style, string? system = null) => new(Tokenizer, new ChatSettings { Style = PromptStyle.Named(style), System = system });

    private static ChatTurn User(string text) => new(TurnRole.User, text);

    private static ChatTurn Assistant(string text) => new(TurnRole.Assistant, text);

    /// <summary>The text, with brackets around what is of replies.</summary>
    private static string Text(EncodedChat chat, ITokenizer? tokenizer = null)
    {
        string text = "";
        for (int i = 0; i < chat.Ids.Length; i++)
        {
            bool before = i > 0 && chat.IsReply[i - 1];
            text += (before, chat.IsReply[i]) switch { (false, true) => "[", (true, false) => "]", _ => "" };
            text += (tokenizer ?? Tokenizer).Decode([chat.Ids[i]]);
        }

        return chat.IsReply[^1] ? text + "]" : text;
    }
}
