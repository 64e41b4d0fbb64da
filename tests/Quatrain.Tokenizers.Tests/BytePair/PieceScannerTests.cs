using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Quatrain.Tokenizers.BytePair;
using Quatrain.Tokenizers.Tests.Reference;

namespace Quatrain.Tokenizers.Tests.BytePair;

public sealed class PieceScannerTests
{
    [Theory]
    [InlineData("Hello world", "Hello| world")]
    [InlineData("it's we're I've I'm you'll he'd don't", "it|'s| we|'re| I|'ve| I|'m| you|'ll| he|'d| don|'t")]
    [InlineData("it'S we'Re 's", "it|'|S| we|'|Re| '|s")]
    [InlineData("a  b", "a| | b")]
    [InlineData("a   ", "a|   ")]
    [InlineData("a \n b", "a| \n| b")]
    [InlineData("a\nb", "a|\n|b")]
    [InlineData("a\n\nb", "a|\n|\n|b")]
    [InlineData("x=1+22 33!", "x|=|1|+|22| 33|!")]
    [InlineData(" !? ... ''s", " !?| ...| ''|s")]
    [InlineData("é1²Ⅻ½", "é|1²Ⅻ½")]
    [InlineData("\u00A0a", "\u00A0|a")]
    [InlineData("a\u001Cb", "a|\u001C|b")]
    [InlineData("'", "'")]
    [InlineData("'l 'v 'r", "'|l| '|v| '|r")]
    public void Known_texts_are_cut_as_the_pattern_says(string text, string pieces) => Split(text).ShouldBe(pieces.Split('|'));

    [Fact]
    public void Strings_are_cut_as_the_regular_expression_cuts_them() => Prop.ForAll<NonNull<string>>(given =>
    {
        string text = new([.. given.Get.Where(c => !char.IsSurrogate(c))]);
        Split(text).ShouldBe(ReferenceBytePair.Split(text));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));

    [Fact]
    public void Random_texts_are_cut_as_the_regular_expression_cuts_them()
    {
        Random random = new(1);
        for (int round = 0; round < 20_000; round++)
        {
            string text = RandomText.Next(random);
            if (!Split(text).SequenceEqual(ReferenceBytePair.Split(text)))
            {
                Split(text).ShouldBe(ReferenceBytePair.Split(text), false, text);
            }
        }
    }

    /// <summary>Every character of the first plane and a part of each category beyond, beside all that the pattern tells apart.</summary>
    [Fact]
    public void Every_character_is_cut_as_the_regular_expression_cuts_it()
    {
        StringBuilder text = new();
        for (int codePoint = 0; codePoint <= 0x10FFFF; codePoint += codePoint < 0x10000 ? 1 : 97)
        {
            if (Rune.TryCreate(codePoint, out Rune rune))
            {
                text.Append(rune).Append('a').Append(rune).Append("1 ").Append(rune).Append("!  ").Append(rune).Append('\n');
            }
        }

        string whole = text.ToString();
        Split(whole).SequenceEqual(ReferenceBytePair.Split(whole)).ShouldBeTrue();
    }

    [Fact]
    public void Classes_are_those_of_the_regular_expression_for_the_whole_first_plane()
    {
        Regex letter = new(@"\p{L}"), number = new(@"\p{N}"), space = new(@"\s");
        for (int codePoint = 0; codePoint < 0x10000; codePoint++)
        {
            string text = ((char)codePoint).ToString();
            CharacterClass expected = letter.IsMatch(text) ? CharacterClass.Letter
                : number.IsMatch(text) ? CharacterClass.Number
                : space.IsMatch(text) ? CharacterClass.Space
                : CharacterClass.Other;
            if (CharacterClasses.Of(codePoint) != expected)
            {
                Assert.Fail($"U+{codePoint:X4} is {CharacterClasses.Of(codePoint)}, not {expected}.");
            }
        }
    }

    /// <summary>Unicode's White_Space, written out: what Python's regex module means by \s. Its re module would add U+001C to U+001F.</summary>
    [Fact]
    public void White_space_is_that_of_Unicode()
    {
        int[] expected = [.. Enumerable.Range(9, 5), 0x20, 0x85, 0xA0, 0x1680, .. Enumerable.Range(0x2000, 11), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000];

        Enumerable.Range(0, 0x110000).Where(codePoint => CharacterClasses.Of(codePoint) == CharacterClass.Space).ShouldBe(expected);
    }

    [Theory]
    [InlineData(0x1D400, (int)CharacterClass.Letter)]
    [InlineData(0x20000, (int)CharacterClass.Letter)]
    [InlineData(0x1D7D8, (int)CharacterClass.Number)]
    [InlineData(0x1F100, (int)CharacterClass.Number)]
    [InlineData(0x1F600, (int)CharacterClass.Other)]
    [InlineData(0xE0041, (int)CharacterClass.Other)]
    [InlineData(0x10FFFF, (int)CharacterClass.Other)]
    public void Characters_beyond_the_first_plane_are_classed_whole(int codePoint, int expected) => ((int)CharacterClasses.Of(codePoint)).ShouldBe(expected);

    private static List<string> Split(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        List<string> pieces = [];
        for (int start = 0; start < utf8.Length;)
        {
            int end = PieceScanner.End(utf8, start);
            pieces.Add(Encoding.UTF8.GetString(utf8.AsSpan(start, end - start)));
            start = end;
        }

        return pieces;
    }
}
