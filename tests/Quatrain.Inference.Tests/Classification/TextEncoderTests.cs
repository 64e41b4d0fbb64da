using Quatrain.Inference.Classification;
using Quatrain.Models.Classification;
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
    public void A_text_is_never_a_special_token() =>
        new TextEncoder(SmallBytePairs.Tokenizer, Pooling.Mean, 40, Pad).Encode(SmallBytePairs.EndOfText).Ids.ShouldNotContain(SmallBytePairs.EndOfTextId);
}
