using System.Text;

namespace Quatrain.Tokenizers.Tests;

public sealed class TokenStreamDecoderTests
{
    [Fact]
    public void Characters_are_given_at_once()
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText("aé😀");
        TokenStreamDecoder decoder = new(tokenizer);

        tokenizer.Encode("😀aé").Select(decoder.Append).ShouldBe(["😀", "a", "é"]);
        decoder.Flush().ShouldBe("");
    }

    [Fact]
    public void A_character_cut_across_byte_tokens_is_held_until_it_is_whole()
    {
        TokenStreamDecoder decoder = new(new ByteTokenizer());

        "aé😀b"u8.ToArray().Select(b => decoder.Append(b)).ShouldBe(["a", "", "é", "", "", "", "😀", "b"]);
        decoder.Flush().ShouldBe("");
    }

    [Fact]
    public void Bytes_that_can_not_become_a_character_are_shown_as_replacement_characters()
    {
        TokenStreamDecoder decoder = new(new ByteTokenizer());

        new[] { 0xFF, 0xE2, 'a', 0x80 }.Select(decoder.Append).ShouldBe(["\uFFFD", "", "\uFFFDa", "\uFFFD"]);
        decoder.Append(0xF0).ShouldBe("");
        decoder.Flush().ShouldBe("\uFFFD");
        decoder.Flush().ShouldBe("");
        decoder.Append('b').ShouldBe("b");
    }

    [Fact]
    public void A_real_replacement_character_comes_out_once()
    {
        TokenStreamDecoder decoder = new(CharacterTokenizer.FromText("a\uFFFD"));

        new[] { 1, 1, 0, 1 }.Select(decoder.Append).ShouldBe(["\uFFFD", "\uFFFD", "a", "\uFFFD"]);
        decoder.Flush().ShouldBe("");
    }

    /// <summary>Bytes that never become a character must not be kept, however many come.</summary>
    [Fact]
    public void Endless_damage_takes_no_more_time_and_memory_for_each_token()
    {
        TokenStreamDecoder decoder = new(new ByteTokenizer());
        int shown = 0;

        long bytes = Quatrain.Tests.Allocation.Least(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                shown += decoder.Append(i % 3 == 0 ? 0xE2 : i % 3 == 1 ? 0x82 : 0xFF).Length;
            }
        });

        // Two in three are shown: E2 82 is one unfinished character.
        shown.ShouldBeGreaterThan(12 * 13_000);
        bytes.ShouldBeLessThan(20_000 * 200);
    }

    [Fact]
    public void An_id_outside_the_vocabulary_is_refused_and_forgotten()
    {
        TokenStreamDecoder decoder = new(CharacterTokenizer.FromText("ab"));

        Should.Throw<InvalidDataException>(() => decoder.Append(2));
        decoder.Append(1).ShouldBe("b");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Pieces_joined_are_the_whole_text_for_all_bytes_and_never_end_inside_a_pair(int length)
    {
        // Bytes that begin, continue, complete and break characters of one to four bytes.
        byte[] alphabet = [(byte)'a', 0xC3, 0xA9, 0xE2, 0x82, 0xF0, 0x9F, 0xFF];
        ByteTokenizer tokenizer = new();
        int[] ids = new int[length];
        for (int number = 0; number < 1 << (3 * length); number++)
        {
            for (int i = 0; i < length; i++)
            {
                ids[i] = alphabet[(number >> (3 * i)) & 7];
            }

            TokenStreamDecoder decoder = new(tokenizer);
            string joined = "";
            foreach (int id in ids)
            {
                joined += decoder.Append(id);
                if (joined.Length > 0 && char.IsHighSurrogate(joined[^1]))
                {
                    Assert.Fail($"{Convert.ToHexString([.. ids.Select(i => (byte)i)])} was cut inside a pair.");
                }
            }

            joined += decoder.Flush();
            if (joined != tokenizer.Decode(ids))
            {
                joined.ShouldBe(tokenizer.Decode(ids), Convert.ToHexString([.. ids.Select(i => (byte)i)]));
            }
        }
    }

    private sealed class ByteTokenizer : ITokenizer
    {
        public int VocabularySize => 256;

        public int[] Encode(ReadOnlySpan<char> text) => [.. Encoding.UTF8.GetBytes(text.ToString()).Select(b => (int)b)];

        public string Decode(ReadOnlySpan<int> ids) => Encoding.UTF8.GetString(DecodeBytes(ids));

        public byte[] DecodeBytes(ReadOnlySpan<int> ids)
        {
            byte[] bytes = new byte[ids.Length];
            for (int i = 0; i < ids.Length; i++)
            {
                bytes[i] = (byte)ids[i];
            }

            return bytes;
        }

        public byte[] ToJson() => throw new NotSupportedException();
    }
}
