using System.Text;
using Quatrain.Tokenizers;
using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public sealed class TokenBytesTests
{
    [Theory]
    [InlineData("the sphinx of black quartz")]
    [InlineData("café — ∑ 𝄞")]
    public void All_tokens_together_have_the_bytes_of_the_text_however_they_are_cut(string text)
    {
        BytePairTokenizer tokenizer = SmallBytePairs.Tokenizer;
        int[] ids = tokenizer.Encode(text);

        for (int cut = 0; cut <= ids.Length; cut++)
        {
            (TokenBytes.Count(tokenizer, ids.AsSpan(0, cut)) + TokenBytes.Count(tokenizer, ids.AsSpan(cut))).ShouldBe(Encoding.UTF8.GetByteCount(text));
        }
    }

    [Fact]
    public void A_part_of_a_character_counts_as_its_own_bytes()
    {
        int[] ids = SmallBytePairs.Tokenizer.Encode("𝄞");

        ids.Length.ShouldBe(4);
        TokenBytes.Count(SmallBytePairs.Tokenizer, ids.AsSpan(1)).ShouldBe(3);
        TokenBytes.Count(SmallBytePairs.Tokenizer, [SmallBytePairs.EndOfTextId]).ShouldBe(13);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Windows_count_the_targets_that_they_score(int stride)
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("aé∑𝄞");
        string text = string.Concat(Enumerable.Repeat("aé∑𝄞", 5));
        int[] ids = tokenizer.Encode(text);

        // All but the first, whatever the windows.
        TokenBytes.Count(tokenizer, EvaluationWindows.Plain(ids, 7, stride)).ShouldBe(Encoding.UTF8.GetByteCount(text) - 1);
        EvaluationWindows some = EvaluationWindows.Plain(ids, 7).AtMost(8);
        TokenBytes.Count(tokenizer, some).ShouldBe(TokenBytes.Count(tokenizer, ids.AsSpan(1, 7)));
    }
}
