using System.Text;
using Quatrain.Tests;

namespace Quatrain.Tokenizers.Tests;

public sealed class CharacterTokenizerTests
{
    [Fact]
    public void FromText_sorts_by_code_point_and_takes_a_surrogate_pair_as_one_character()
    {
        // U+FF5E sorts before U+1F600 by code point, after it by UTF-16 unit.
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("b😀a\uFF5E\n😀é");

        tokenizer.Characters.Select(c => c.ToString()).ShouldBe(["\n", "a", "b", "é", "\uFF5E", "😀"]);
        tokenizer.VocabularySize.ShouldBe(6);
    }

    [Fact]
    public void Encode_and_Decode_are_inverse_for_characters_of_every_size()
    {
        const string Text = "é😀 \r\n\t\0日本\U0010FFFF\u0301a";
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText(Text);

        int[] ids = tokenizer.Encode(Text);

        ids.Length.ShouldBe(Text.EnumerateRunes().Count());
        ids.ShouldBe(Text.EnumerateRunes().Select(rune => tokenizer.Characters.ToList().IndexOf(rune)));
        tokenizer.Decode(ids).ShouldBe(Text);
    }

    [Fact]
    public void Encode_and_Decode_of_nothing_are_nothing()
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("a");

        tokenizer.Encode("").ShouldBeEmpty();
        tokenizer.Decode([]).ShouldBe("");
    }

    [Fact]
    public void Constructor_keeps_the_order_it_is_given()
    {
        CharacterTokenizer tokenizer = new([new Rune('z'), new Rune(0x1F600), new Rune('a')]);

        tokenizer.Encode("a😀z").ShouldBe([2, 1, 0]);
    }

    [Theory]
    [InlineData("aébé", "The character 'é' (U+00E9) at position 1 is not in the model's vocabulary of 3 characters; remove it or train on text that has it.")]
    [InlineData("ab\r\n", "The character U+000D at position 2 is not in the model's vocabulary of 3 characters; remove it or train on text that has it.")]
    [InlineData("😀😁", "The character '😁' (U+1F601) at position 1 is not in the model's vocabulary of 3 characters; remove it or train on text that has it.")]
    [InlineData("日", "The character '日' (U+65E5) at position 0 is not in the model's vocabulary of 3 characters; remove it or train on text that has it.")]
    public void Encode_names_an_unknown_character_and_its_place(string text, string message)
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("ab😀");

        Should.Throw<InvalidDataException>(() => tokenizer.Encode(text)).Message.ShouldBe(message);
    }

    [Theory]
    [InlineData(0xD800)]
    [InlineData(0xDFFF)]
    public void Half_of_a_surrogate_pair_is_refused(int unit)
    {
        string text = "😀a" + (char)unit;
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("a😀");
        string expected = $"half of a surrogate pair (U+{unit:X4}) at position 2";

        Should.Throw<InvalidDataException>(() => tokenizer.Encode(text)).Message.ShouldContain(expected);
        Should.Throw<InvalidDataException>(() => CharacterTokenizer.FromText(text)).Message.ShouldContain(expected);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Decode_refuses_an_id_outside_the_vocabulary(int id)
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("abc");

        Should.Throw<InvalidDataException>(() => tokenizer.Decode([0, id]))
            .Message.ShouldBe($"Token id {id} is outside the model's vocabulary of 3 characters (ids 0 to 2).");
    }

    [Fact]
    public void Empty_and_repeated_characters_are_refused()
    {
        Should.Throw<InvalidDataException>(() => CharacterTokenizer.FromText("")).Message.ShouldContain("empty");
        Should.Throw<InvalidDataException>(() => new CharacterTokenizer([])).Message.ShouldContain("empty");
        Should.Throw<InvalidDataException>(() => new CharacterTokenizer([new Rune('a'), new Rune('b'), new Rune('a')]))
            .Message.ShouldBe("The list of characters has 'a' (U+0061) twice, the second time as entry 3.");
        Should.Throw<InvalidDataException>(() => new CharacterTokenizer([new Rune(0x1F600), new Rune(0x1F600)]))
            .Message.ShouldContain("(U+1F600) twice");
    }

    [Fact]
    public void Save_writes_the_documented_format()
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("\n !\"é");
        using MemoryStream stream = new();

        tokenizer.Save(stream);

        Encoding.UTF8.GetString(stream.ToArray()).ShouldBe("""{"type":"character","characters":["\n"," ","!","\"","é"]}""");
        tokenizer.ToJson().ShouldBe(stream.ToArray());
    }

    [SharedDataFact("tiny-shakespeare/input.txt")]
    public void Tiny_Shakespeare_has_the_65_characters_nanoGPT_prints()
    {
        string text = File.ReadAllText(SharedData.Get("tiny-shakespeare/input.txt"));

        CharacterTokenizer tokenizer = CharacterTokenizer.FromText(text);

        string.Concat(tokenizer.Characters).ShouldBe("\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
        tokenizer.Decode(tokenizer.Encode(text)).ShouldBe(text);
        tokenizer.Encode("First").ShouldBe([18, 47, 56, 57, 58]);
    }
}
