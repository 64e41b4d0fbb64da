using System.Text;
using Quatrain.Tokenizers.Tests.Reference;

namespace Quatrain.Tokenizers.Tests;

public sealed class BytePairTokenizerParallelTests
{
    [Fact]
    public void Several_threads_find_the_same_ids()
    {
        Random random = new(1);
        StringBuilder text = new();
        while (text.Length < 2_400_000)
        {
            text.Append(RandomText.Next(random));
        }

        string whole = text.ToString();
        byte[] utf8 = Encoding.UTF8.GetBytes(whole);
        // In one piece, without any cut.
        int[] expected = TinyVocabulary.Tokenizer.EncodeUtf8(utf8);
        int[] expectedSpecial = TinyVocabulary.Tokenizer.EncodeUtf8(utf8, SpecialTokenPolicy.AllowAll);

        expectedSpecial.ShouldContain(TinyVocabulary.EndOfText);
        Same(TinyVocabulary.Tokenizer.Encode(whole), expected);
        Same(TinyVocabulary.Tokenizer.EncodeParallel(whole.AsMemory(), 2), expected);
        Same(TinyVocabulary.Tokenizer.EncodeParallel(whole.AsMemory(), 2, SpecialTokenPolicy.AllowAll), expectedSpecial);
        for (int threads = 1; threads <= 3; threads++)
        {
            Same(TinyVocabulary.Tokenizer.EncodeUtf8Parallel(utf8, threads), expected);
        }

        Same(TinyVocabulary.Tokenizer.EncodeUtf8Parallel(utf8, 2, SpecialTokenPolicy.AllowAll), expectedSpecial);
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("a  ")]
    [InlineData("語\u3000\n")]
    [InlineData("\u0085 ")]
    public void Texts_that_can_be_cut_nowhere_or_seldom_have_the_same_ids(string unit)
    {
        string text = string.Concat(Enumerable.Repeat(unit, 1_150_000 / unit.Length));
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int[] expected = TinyVocabulary.Tokenizer.EncodeUtf8(utf8);

        Same(TinyVocabulary.Tokenizer.EncodeParallel(text.AsMemory(), 2), expected);
        Same(TinyVocabulary.Tokenizer.EncodeUtf8Parallel(utf8, 2), expected);
    }

    [Fact]
    public void A_text_cut_where_it_may_be_has_the_ids_of_the_whole()
    {
        Random random = new(11);
        int cuts = 0;
        for (int round = 0; round < 3000; round++)
        {
            byte[] text = Encoding.UTF8.GetBytes(RandomText.Next(random));
            int known = random.Next(text.Length + 1);
            int cut = TinyVocabulary.Tokenizer.LastCut(text.AsSpan(0, known));

            cut.ShouldBeLessThanOrEqualTo(known);
            cuts += cut > 0 ? 1 : 0;
            int[] parts = [.. TinyVocabulary.Tokenizer.EncodeUtf8(text.AsSpan(0, cut)), .. TinyVocabulary.Tokenizer.EncodeUtf8(text.AsSpan(cut))];
            parts.ShouldBe(TinyVocabulary.Tokenizer.EncodeUtf8(text), false, Encoding.UTF8.GetString(text));
        }

        cuts.ShouldBeGreaterThan(200);
    }

    [Fact]
    public void Damage_is_reported_in_one_sentence_with_its_place()
    {
        string text = string.Concat(Enumerable.Repeat("words ", 400_000)) + "\uD800";

        Should.Throw<InvalidDataException>(() => TinyVocabulary.Tokenizer.EncodeParallel(text.AsMemory(), 2)).Message.ShouldContain("(U+D800) at position 2400000");
        Should.Throw<InvalidDataException>(() => TinyVocabulary.Tokenizer.Encode(text)).Message.ShouldContain("(U+D800) at position 2400000");
    }

    [Fact]
    public void Work_can_be_cancelled() => Should.Throw<OperationCanceledException>(
        () => TinyVocabulary.Tokenizer.EncodeUtf8Parallel("words"u8.ToArray(), 2, cancellation: new CancellationToken(canceled: true)));

    // Shouldly compares millions of elements slowly.
    private static void Same(int[] actual, int[] expected) => actual.AsSpan().SequenceEqual(expected).ShouldBeTrue();
}
