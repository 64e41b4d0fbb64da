using System.Text;
using Quatrain.Tokenizers.Tests.Reference;

namespace Quatrain.Tokenizers.Tests;

public sealed class BytePairTokenizerSpecialTokensTests
{
    private const string End = "<|endoftext|>";
    private const string Fill = "<|fill in|>";
    private const string Longer = "<|endoftext|>>";

    private static readonly BytePairTokenizer Three = BytePairTokenizer.FromByteLevelTokens(
        [.. TinyVocabulary.Tokens, Fill, Longer], TinyVocabulary.Merges, [TinyVocabulary.EndOfText, TinyVocabulary.EndOfText + 1, TinyVocabulary.EndOfText + 2]);

    [Fact]
    public void A_special_token_in_text_is_text_unless_it_is_allowed()
    {
        int[] plain = TinyVocabulary.Tokenizer.Encode($"a{End}b");

        plain.ShouldBe(TinyVocabulary.Reference.Encode("a<|endoftext|>b"));
        plain.ShouldNotContain(TinyVocabulary.EndOfText);
        TinyVocabulary.Tokenizer.EncodeUtf8(Encoding.UTF8.GetBytes($"a{End}b")).ShouldBe(plain);
        TinyVocabulary.Tokenizer.Decode(plain).ShouldBe($"a{End}b");
    }

    [Fact]
    public void An_allowed_special_token_is_one_id_and_ends_the_text_before_it()
    {
        // The white space before it ends a text, so that it is not shared with what follows.
        int[] ids = TinyVocabulary.Tokenizer.Encode($"a  {End} b{End}{End}", SpecialTokenPolicy.AllowAll);

        ids.ShouldBe([.. TinyVocabulary.Reference.Encode("a  "), TinyVocabulary.EndOfText, .. TinyVocabulary.Reference.Encode(" b"), TinyVocabulary.EndOfText, TinyVocabulary.EndOfText]);
        TinyVocabulary.Tokenizer.Decode(ids).ShouldBe($"a  {End} b{End}{End}");
        TinyVocabulary.Tokenizer.Decode(ids, skipSpecialTokens: true).ShouldBe("a   b");
        TinyVocabulary.Tokenizer.DecodeBytes(ids, skipSpecialTokens: true).ShouldBe("a   b"u8.ToArray());
    }

    [Fact]
    public void Only_those_that_are_named_are_allowed()
    {
        int[] ids = Three.Encode(End + Fill, SpecialTokenPolicy.Allow([Fill]));

        ids.ShouldBe([.. TinyVocabulary.Reference.Encode(End), TinyVocabulary.EndOfText + 1]);
        Should.Throw<InvalidDataException>(() => Three.Encode("a", SpecialTokenPolicy.Allow(["<|none|>"]))).Message.ShouldContain("has no special token '<|none|>'");
    }

    [Fact]
    public void Of_two_that_begin_alike_the_longer_is_found() => Three.Encode($"{Longer}{End}", SpecialTokenPolicy.AllowAll).ShouldBe([TinyVocabulary.EndOfText + 2, TinyVocabulary.EndOfText]);

    [Fact]
    public void Text_with_one_can_be_refused()
    {
        TinyVocabulary.Tokenizer.Encode("a <| b", SpecialTokenPolicy.RefuseAll).ShouldBe(TinyVocabulary.Reference.Encode("a <| b"));
        Should.Throw<InvalidDataException>(() => TinyVocabulary.Tokenizer.Encode($"a{End}", SpecialTokenPolicy.RefuseAll)).Message
            .ShouldBe($"The text holds the special token '{End}', which is not allowed here; remove it, or allow special tokens.");
        Three.Encode(Fill, SpecialTokenPolicy.Allow([Fill], refuseOthers: true)).ShouldBe([TinyVocabulary.EndOfText + 1]);
        Should.Throw<InvalidDataException>(() => Three.Encode(Fill + End, SpecialTokenPolicy.Allow([Fill], refuseOthers: true)));
    }

    [Fact]
    public void They_and_the_end_of_a_text_have_ids()
    {
        Three.SpecialTokens.ShouldBe([new(TinyVocabulary.EndOfText, End), new(TinyVocabulary.EndOfText + 1, Fill), new(TinyVocabulary.EndOfText + 2, Longer)]);
        Three.EndOfTextId.ShouldBe(TinyVocabulary.EndOfText);
        BytePairTokenizer.FromByteLevelTokens(TinyVocabulary.Tokens, TinyVocabulary.Merges, []).EndOfTextId.ShouldBeNull();
        BytePairTokenizer.FromByteLevelTokens([.. TinyVocabulary.Tokens, Fill], TinyVocabulary.Merges, [TinyVocabulary.EndOfText + 1], TinyVocabulary.EndOfText + 1)
            .EndOfTextId.ShouldBe(TinyVocabulary.EndOfText + 1);
        Should.Throw<InvalidDataException>(() => BytePairTokenizer.FromByteLevelTokens(TinyVocabulary.Tokens, TinyVocabulary.Merges, [], 5)).Message.ShouldContain("token 5");
    }

    /// <summary>Where text may be cut for several threads, a special token may stand; one with a space in it must not be cut.</summary>
    [Fact]
    public void One_with_a_space_in_it_is_found_by_several_threads_too()
    {
        const int Count = 80_000;
        string text = string.Concat(Enumerable.Repeat(Fill + "word ", Count));
        int[] expected = [.. Enumerable.Repeat(Three.Encode(Fill + "word ", SpecialTokenPolicy.AllowAll), Count).SelectMany(ids => ids)];

        Three.EncodeParallel(text.AsMemory(), 2, SpecialTokenPolicy.AllowAll).AsSpan().SequenceEqual(expected).ShouldBeTrue();
        Three.Encode(text, SpecialTokenPolicy.AllowAll).AsSpan().SequenceEqual(expected).ShouldBeTrue();
        Three.LastCut("a <|fill"u8, SpecialTokenPolicy.AllowAll).ShouldBe(0);
        Three.LastCut("a <|fill"u8).ShouldBe(1);
    }
}
