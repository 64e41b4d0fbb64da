using System.Text;
using Quatrain.Cli.Commands;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Tests.Commands;

public sealed class ScoredTextTests
{
    [Fact]
    public void Bytes_are_those_of_the_scored_tokens_also_where_a_token_is_a_part_of_a_character()
    {
        byte[] text = Encoding.UTF8.GetBytes("é\u2003🙂 ok  go\nx");
        ScoredText scored = ScoredText.Plain([.. text.Select(b => (int)b)], new ByteTokenizer());

        // The first token, half of é, is not scored; each further one is one byte.
        for (int count = 0; count < text.Length; count++)
        {
            scored.SizeOf(count)!.Value.Bytes.ShouldBe(count);
        }

        scored.SizeOf(text.Length - 1)!.Value.Words.ShouldBe(4);
        ScoredText.Plain([1, 2], tokenizer: null).SizeOf(1).ShouldBeNull();
    }

    [Fact]
    public void Long_texts_count_as_short_ones_do()
    {
        string text = string.Concat(Enumerable.Repeat("seven words of a text go here ", 10_000));
        ScoredText scored = ScoredText.Plain([.. text.Select(c => (int)c)], new ByteTokenizer());

        scored.SizeOf(text.Length - 1).ShouldBe((text.Length - 1, 70_000));
    }

    /// <summary>A token is a byte, so that most characters outside ASCII take several.</summary>
    private sealed class ByteTokenizer : ITokenizer
    {
        public int VocabularySize => 256;

        public int[] Encode(ReadOnlySpan<char> text) => [.. Encoding.UTF8.GetBytes(text.ToArray()).Select(b => (int)b)];

        public string Decode(ReadOnlySpan<int> ids) => Encoding.UTF8.GetString(DecodeBytes(ids));

        public byte[] DecodeBytes(ReadOnlySpan<int> ids) => [.. ids.ToArray().Select(id => (byte)id)];

        public byte[] ToJson() => [];
    }
}
