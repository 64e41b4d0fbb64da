using Quatrain.Inference.Classification;
using Quatrain.Models.Classification;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Classification;

public sealed class TextEncoderTests
{
    private const int Pad = 5;

    [Theory]
    [InlineData(Pooling.LastToken, "xyz", 3, false)]
    [InlineData(Pooling.LastToken, "wxyz", 4, false)]
    [InlineData(Pooling.LastToken, "vwxyz", 4, true)]
    [InlineData(Pooling.Mean, "x", 1, false)]
    [InlineData(Pooling.Mean, "", 1, false)]
    [InlineData(Pooling.LastPosition, "xyz", 4, false)]
    [InlineData(Pooling.LastPosition, "wxyz", 4, false)]
    [InlineData(Pooling.LastPosition, "vwxyz", 4, true)]
    [InlineData(Pooling.LastPosition, "", 4, false)]
    public void The_beginning_is_kept_and_what_lacks_is_padding(Pooling pooling, string text, int length, bool isTruncated)
    {
        int[] ids = SmallBytePairs.Tokenizer.Encode(text);

        EncodedText encoded = new TextEncoder(SmallBytePairs.Tokenizer, pooling, 4, Pad).Encode(text);

        encoded.IsTruncated.ShouldBe(isTruncated);
        encoded.Ids.ShouldBe([.. ids.Concat(Enumerable.Repeat(Pad, 10)).Take(length)]);
    }

    [Fact]
    public void What_can_not_be_encoded_is_told_of_with_where_it_is()
    {
        TextEncoder encoder = new(CharacterTokenizer.FromText("abc"), Pooling.LastToken, 4, 0);

        encoder.Encode("cab", () => throw new InvalidOperationException()).Ids.ShouldBe([2, 0, 1]);
        // Beyond what is read too: nobody should have to know what that is.
        foreach (string text in (string[])["aé", "abcabcé"])
        {
            Should.Throw<InvalidDataException>(() => encoder.Encode(text, () => "Line 7")).Message.ShouldBe(
                $"Line 7 can't be encoded: The character 'é' (U+00E9) at position {text.Length - 1} is not in the model's vocabulary of 3 characters; remove it or train on text that has it.");
        }
    }

    [Fact]
    public void A_text_is_never_a_special_token() =>
        new TextEncoder(SmallBytePairs.Tokenizer, Pooling.Mean, 40, Pad).Encode(SmallBytePairs.EndOfText).Ids.ShouldNotContain(SmallBytePairs.EndOfTextId);
}
