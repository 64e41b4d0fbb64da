using Quatrain.Tokenizers;
using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public sealed class DocumentEncoderTests
{
    private const string Mark = SmallBytePairs.EndOfText;

    private static readonly BytePairTokenizer Tokenizer = SmallBytePairs.Tokenizer;

    [Fact]
    public void The_written_end_of_a_document_is_its_one_token_where_that_is_wanted()
    {
        const string Text = $"the sphinx{Mark}\nthe café{Mark}{Mark}";

        int[] ids = new DocumentEncoder(Tokenizer, endOfText: true).Encode(Text.AsMemory());
        int[] letters = new DocumentEncoder(Tokenizer, endOfText: false).Encode(Text.AsMemory());

        ids.ShouldBe([.. Tokenizer.Encode("the sphinx"), SmallBytePairs.EndOfTextId, .. Tokenizer.Encode("\nthe café"), SmallBytePairs.EndOfTextId, SmallBytePairs.EndOfTextId]);
        letters.ShouldBe(Tokenizer.Encode(Text));
        letters.ShouldNotContain(SmallBytePairs.EndOfTextId);
        Tokenizer.Decode(ids).ShouldBe(Text);
        Tokenizer.Decode(letters).ShouldBe(Text);
    }

    [Fact]
    public void A_tokenizer_without_such_a_token_takes_the_text_as_it_stands()
    {
        CharacterTokenizer characters = CharacterTokenizer.FromText(Mark);
        DocumentEncoder encoder = new(characters, endOfText: true);

        encoder.Marker.ShouldBeNull();
        encoder.Encode(Mark.AsMemory()).Length.ShouldBe(Mark.Length);
        encoder.OutsideMarker(Mark, 4).ShouldBe(4);
    }

    [Fact]
    public void No_split_cuts_the_mark_in_two()
    {
        const string Text = $"aaaa{Mark}bb{Mark}";
        DocumentEncoder encoder = new(Tokenizer, endOfText: true);

        for (int position = 0; position <= Text.Length; position++)
        {
            int split = encoder.OutsideMarker(Text, position);

            bool isInside = position is (> 4 and < 17) or (> 19 and < 32);
            split.ShouldBe(!isInside ? position : position < 17 ? 17 : 32);
            ((int[])[.. encoder.Encode(Text.AsMemory(0, split)), .. encoder.Encode(Text.AsMemory(split))]).Count(id => id == SmallBytePairs.EndOfTextId).ShouldBe(2);
        }
    }
}
