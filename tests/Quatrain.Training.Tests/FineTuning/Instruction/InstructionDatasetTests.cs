using Quatrain.Inference.Chat;
using Quatrain.Tensors.Ops;
using Quatrain.Tests;
using Quatrain.Tokenizers;
using Quatrain.Training.FineTuning.Instruction;

namespace Quatrain.Training.Tests.FineTuning.Instruction;

public sealed class InstructionDatasetTests
{
    private const int Ignored = CrossEntropyOp.IgnoreIndex;

    private static readonly BytePairTokenizer Tokenizer = SmallBytePairs.Tokenizer;
    private static readonly ChatEncoder Plain = new(Tokenizer, new ChatSettings { Style = PromptStyle.Plain });
    private static readonly int[] First = Tokenizer.Encode("User:\nHi\n\nAssistant:\n");
    private static readonly int[] Next = Tokenizer.Encode("\n\nUser:\nHi\n\nAssistant:\n");
    private static readonly int[] Reply = Tokenizer.Encode("Oh the");

    private static int End => SmallBytePairs.EndOfTextId;

    [Fact]
    public void The_loss_is_on_replies_and_their_ends_alone()
    {
        InstructionExample example = Encode(Entry(2), 1000).Examples.ShouldHaveSingleItem();

        // What is known when the last token is drawn; the last is only a target.
        example.Ids.ShouldBe([.. First, .. Reply, End, .. Next, .. Reply]);
        example.Targets.ShouldBe([
            .. Enumerable.Repeat(Ignored, First.Length - 1), .. Reply, End,
            .. Enumerable.Repeat(Ignored, Next.Length), .. Reply, End,
        ]);
    }

    [Fact]
    public void Or_on_all_tokens()
    {
        InstructionDataset data = InstructionDataset.Encode([Entry(1)], Plain, 1000, ScoredTokens.All);

        data.Examples[0].Ids.ShouldBe([.. First, .. Reply]);
        data.Examples[0].Targets.ShouldBe([.. First[1..], .. Reply, End]);
        data.ScoredCount.ShouldBe(First.Length + Reply.Length);
        data.TokenCount.ShouldBe(First.Length + Reply.Length);
        Encode(Entry(1), 1000).ScoredCount.ShouldBe(Reply.Length + 1);
    }

    [Fact]
    public void A_long_entry_is_cut_and_counted_and_left_out_where_no_reply_is_left()
    {
        int whole = First.Length + Reply.Length;

        InstructionDataset fits = Encode(Entry(1), whole), cut = Encode(Entry(1), whole - 1), oneTarget = Encode(Entry(1), First.Length);
        (fits.TruncatedCount, cut.TruncatedCount, oneTarget.TruncatedCount).ShouldBe((0, 1, 1));
        cut.Examples[0].Ids.ShouldBe([.. First, .. Reply[..^1]]);
        cut.Examples[0].Targets[^1].ShouldBe(Reply[^1]);
        oneTarget.Examples[0].Targets.ShouldBe([.. Enumerable.Repeat(Ignored, First.Length - 1), Reply[0]]);

        InstructionEntry shorter = new("Entry 9", [new ChatTurn(TurnRole.User, "H"), new ChatTurn(TurnRole.Assistant, "O")]);
        InstructionDataset some = InstructionDataset.Encode([Entry(1), shorter], Plain, First.Length - 1);
        (some.Examples.Count, some.LeftOutCount, some.TruncatedCount).ShouldBe((1, 1, 1));
        Should.Throw<InvalidDataException>(() => Encode(Entry(1), First.Length - 1)).Message
            .ShouldStartWith($"No reply of the 1 entries begins within the {First.Length - 1} tokens that are read;");
        InstructionDataset.Encode([], Plain, 10).Examples.ShouldBeEmpty();
    }

    [Fact]
    public void Or_it_is_refused()
    {
        int whole = First.Length + Reply.Length;

        InstructionDataset.Encode([Entry(1)], Plain, whole, longEntries: LongEntryPolicy.Refuse).Examples.Count.ShouldBe(1);
        Should.Throw<InvalidDataException>(() => InstructionDataset.Encode([Entry(1)], Plain, whole - 1, longEntries: LongEntryPolicy.Refuse)).Message
            .ShouldBe($"Entry 7 has {whole} tokens before its last, and at most {whole - 1} are read; shorten it, or leave out --too-long refuse to cut it.");
    }

    [Fact]
    public void An_entry_that_the_style_has_no_place_for_is_named()
    {
        ChatEncoder alpaca = new(Tokenizer, new ChatSettings { Style = PromptStyle.Alpaca });

        Should.Throw<InvalidDataException>(() => InstructionDataset.Encode([Entry(2)], alpaca, 1000)).Message
            .ShouldBe("Entry 7 can't be encoded: The conversation has 2 replies, and the prompt style 'alpaca' has no history; choose another style.");
    }

    /// <summary>What is trained on begins as what a chat sends, for every entry of the book's data and every style.</summary>
    [SharedDataFact("instruction-data/instruction-data.json")]
    public void Chat_sends_what_was_trained_on()
    {
        IReadOnlyList<InstructionEntry> entries = InstructionFile.Load(SharedData.Get("instruction-data/instruction-data.json"));
        foreach (PromptStyle style in PromptStyle.All)
        {
            ChatEncoder encoder = new(Tokenizer, new ChatSettings { Style = style });
            InstructionDataset data = InstructionDataset.Encode(entries, encoder, 4096);

            data.Examples.Count.ShouldBe(1100);
            (data.TruncatedCount, data.LeftOutCount).ShouldBe((0, 0));
            for (int i = 0; i < entries.Count; i++)
            {
                int[] prompt = encoder.EncodePrompt(entries[i].Turns.Take(1).ToArray());
                data.Examples[i].Ids[..prompt.Length].ShouldBe(prompt);
                data.Examples[i].Targets.AsSpan(0, prompt.Length - 1).ContainsAnyExcept(Ignored).ShouldBeFalse();
                data.Examples[i].Targets.AsSpan(prompt.Length - 1).Contains(Ignored).ShouldBeFalse();
            }
        }
    }

    private static InstructionDataset Encode(InstructionEntry entry, int contextLength) => InstructionDataset.Encode([entry], Plain, contextLength);

    private static InstructionEntry Entry(int replies) => new(
        "Entry 7", [.. Enumerable.Repeat(new[] { new ChatTurn(TurnRole.User, "Hi"), new ChatTurn(TurnRole.Assistant, "Oh the") }, replies).SelectMany(turns => turns)]);
}
