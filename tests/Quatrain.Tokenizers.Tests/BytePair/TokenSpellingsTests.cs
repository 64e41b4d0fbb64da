using System.Text;
using Quatrain.Tokenizers.BytePair;

namespace Quatrain.Tokenizers.Tests.BytePair;

public sealed class TokenSpellingsTests
{
    [Fact]
    public void Many_tokens_of_all_lengths_are_found_by_text_and_by_id()
    {
        TokenSpellings tokens = new(capacity: 1);
        string[] texts = [.. Enumerable.Range(0, 5000).Select(i => new string((char)('a' + i % 7), i % 23) + i)];
        for (int i = 0; i < texts.Length; i++)
        {
            // Against the order of the ids.
            tokens.TryAdd(Encoding.UTF8.GetBytes(texts[^(i + 1)]), texts.Length - 1 - i).ShouldBeTrue();
        }

        tokens.TryAdd(Encoding.UTF8.GetBytes(texts[17]), 5000).ShouldBeFalse();
        tokens.PutInOrder();

        tokens.Count.ShouldBe(texts.Length);
        for (int id = 0; id < texts.Length; id++)
        {
            tokens.Text(id).ShouldBe(texts[id]);
            tokens.Find(Encoding.UTF8.GetBytes(texts[id])).ShouldBe(id);
        }

        tokens.Find("absent"u8).ShouldBe(TokenSpellings.Absent);
        tokens.Find([]).ShouldBe(TokenSpellings.Absent);
    }

    [Fact]
    public void Tokens_that_differ_only_in_zeros_at_the_end_are_others()
    {
        TokenSpellings tokens = TokenSpellings.Of(["a", "a\0", "a\0\0", "\0"]);

        tokens.Find("a"u8).ShouldBe(0);
        tokens.Find("a\0\0"u8).ShouldBe(2);
        tokens.Find("\0"u8).ShouldBe(3);
        tokens.Find("\0\0"u8).ShouldBe(TokenSpellings.Absent);
    }

    [Fact]
    public void Two_equal_ones_are_refused() =>
        Should.Throw<InvalidDataException>(() => TokenSpellings.Of(["x", "ab", "y", "ab"])).Message.ShouldBe("Tokens 1 and 3 are both \"ab\".");

    [Theory]
    [InlineData("plain")]
    [InlineData("Ġé日本🙂")]
    public void Texts_become_UTF8(string text)
    {
        byte[] buffer = [];
        SpelledTexts.Utf8(text, ref buffer).ToArray().ShouldBe(Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public void Halves_of_pairs_are_kept_apart()
    {
        byte[] buffer = [];
        SpelledTexts.Utf8("a\ud83d", ref buffer).ToArray().ShouldBe([0x61, 0xED, 0xA0, 0xBD]);
        SpelledTexts.Utf8("\ude42\ud83db", ref buffer).ToArray().ShouldBe([0xED, 0xB9, 0x82, 0xED, 0xA0, 0xBD, 0x62]);
    }
}
