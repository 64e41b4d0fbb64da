using System.Text;
using System.Text.Unicode;
using FsCheck;
using FsCheck.Fluent;
using Quatrain.Tests;
using Quatrain.Tokenizers.Tests.Reference;

namespace Quatrain.Tokenizers.Tests;

public sealed class BytePairTokenizerTests
{
    private const int Strings = 10_000;

    [SharedDataFact(Gpt2Data.Folder + "ggml-vocab-gpt-2.gguf.inp")]
    public void The_47_published_test_strings_have_the_published_ids()
    {
        string[] texts = File.ReadAllText(SharedData.Get(Gpt2Data.Folder + "ggml-vocab-gpt-2.gguf.inp")).Split("\n__ggml_vocab_test__\n");
        string[] expected = File.ReadAllText(SharedData.Get(Gpt2Data.Folder + "ggml-vocab-gpt-2.gguf.out")).Split('\n');

        int count = 0;
        foreach ((string text, string ids) in texts.Zip(expected))
        {
            string.Join(' ', Gpt2Data.Tokenizer.Encode(text)).ShouldBe(ids.Trim(), text);
            Gpt2Data.Tokenizer.Decode([.. ids.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)]).ShouldBe(text);
            count++;
        }

        count.ShouldBe(47);
    }

    [SharedDataFact("tiny-shakespeare/input.txt")]
    public void Tiny_Shakespeare_has_the_published_numbers_of_tokens()
    {
        string text = File.ReadAllText(SharedData.Get("tiny-shakespeare/input.txt"));
        int split = (int)(text.Length * 0.9);

        Gpt2Data.Tokenizer.Encode(text.AsSpan(0, split)).Length.ShouldBe(301_966);
        Gpt2Data.Tokenizer.Encode(text.AsSpan(split)).Length.ShouldBe(36_059);
        int[] ids = Gpt2Data.Tokenizer.Encode(text);
        ids.Length.ShouldBe(338_025);
        Gpt2Data.Tokenizer.Decode(ids).ShouldBe(text);
    }

    [SharedDataFact("the-verdict/the-verdict.txt")]
    public void The_Verdict_has_5145_tokens() =>
        Gpt2Data.Tokenizer.EncodeUtf8(File.ReadAllBytes(SharedData.Get("the-verdict/the-verdict.txt"))).Length.ShouldBe(5145);

    [SharedDataFact(Gpt2Data.Encoder)]
    public void Random_strings_have_the_ids_of_the_definition_with_GPT2s_vocabulary() => HasTheIdsOfTheDefinition(Gpt2Data.Tokenizer, Gpt2Data.Reference);

    [Fact]
    public void Random_strings_have_the_ids_of_the_definition_with_a_tiny_vocabulary() => HasTheIdsOfTheDefinition(TinyVocabulary.Tokenizer, TinyVocabulary.Reference);

    [SharedDataFact("wikitext-2-raw/wiki.valid.raw")]
    public void Real_text_has_the_ids_of_the_definition()
    {
        string text = File.ReadAllText(SharedData.Get("wikitext-2-raw/wiki.valid.raw"))[..200_000];

        Gpt2Data.Tokenizer.Encode(text).ShouldBe(Gpt2Data.Reference.Encode(text));
    }

    [Theory]
    [InlineData("a")]
    [InlineData(" ")]
    [InlineData("!")]
    [InlineData("1")]
    [InlineData("ab")]
    [InlineData("the")]
    [InlineData("日本語")]
    [InlineData("1001")]
    [InlineData("\n")]
    public void Pieces_of_every_length_around_where_another_way_of_merging_begins_have_the_ids_of_the_definition(string unit)
    {
        for (int bytes = 80; bytes < 112; bytes++)
        {
            string text = string.Concat(Enumerable.Repeat(unit, bytes));
            text = text[..(bytes - (unit[0] > 127 ? bytes % 3 : 0))];

            TinyVocabulary.Tokenizer.Encode(text).ShouldBe(TinyVocabulary.Reference.Encode(text));
            TinyVocabulary.Tokenizer.Encode(text + "x").ShouldBe(TinyVocabulary.Reference.Encode(text + "x"));
        }
    }

    [Fact]
    public void Long_random_pieces_have_the_ids_of_the_definition()
    {
        Random random = new(7);
        for (int round = 0; round < 60; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(90, 1500)).Select(_ => "aatthheecdn"[random.Next(11)]));

            TinyVocabulary.Tokenizer.Encode(text).ShouldBe(TinyVocabulary.Reference.Encode(text));
        }
    }

    [SharedDataFact(Gpt2Data.Encoder)]
    public void A_megabyte_without_a_break_is_encoded()
    {
        const int Length = 1_000_000;

        foreach (char c in " a0!\n")
        {
            string text = new(c, Length);
            int[] ids = Gpt2Data.Tokenizer.Encode(text);
            Gpt2Data.Tokenizer.Decode(ids).ShouldBe(text);
            // The rest of the run does not change how long runs of it are cut.
            ids.Take(10).ShouldBe(Gpt2Data.Reference.Encode(new string(c, 1000)).Take(10));
        }
    }

    [Fact]
    public void A_piece_too_long_to_merge_is_refused_before_memory_is_taken_for_it()
    {
        byte[] text = new byte[(32 << 20) + 1];
        Array.Fill(text, (byte)'a');

        Should.Throw<InvalidDataException>(() => TinyVocabulary.Tokenizer.EncodeUtf8(text)).Message.ShouldContain("at most 32 MiB can be encoded as one");
    }

    [Fact]
    public void Any_bytes_decode_to_what_they_were() => Prop.ForAll<byte[]>(bytes =>
    {
        int[] ids = TinyVocabulary.Tokenizer.EncodeUtf8(bytes);
        TinyVocabulary.Tokenizer.DecodeBytes(ids).ShouldBe(bytes);
        TinyVocabulary.Tokenizer.Decode(ids).ShouldBe(Encoding.UTF8.GetString(bytes));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    [Fact]
    public void Any_string_of_whole_characters_decodes_to_what_it_was() => Prop.ForAll<NonNull<string>>(given =>
    {
        string text = new([.. given.Get.Where(c => !char.IsSurrogate(c))]);
        int[] ids = TinyVocabulary.Tokenizer.Encode(text);
        TinyVocabulary.Tokenizer.Decode(ids).ShouldBe(text);
        ids.ShouldBe(TinyVocabulary.Tokenizer.EncodeUtf8(Encoding.UTF8.GetBytes(text)));
        ids.ShouldBe(TinyVocabulary.Reference.Encode(text));
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    /// <summary>Bytes that are no text are cut as the U+FFFD that would stand for them, and keep their own ids.</summary>
    [Fact]
    public void Broken_UTF8_is_cut_as_replacement_characters_would_be()
    {
        Random random = new(3);
        byte[] some = [(byte)'a', (byte)' ', (byte)'1', (byte)'\'', (byte)'s', 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80, 0xFF, 0xC0];
        int broken = 0;
        for (int round = 0; round < 5000; round++)
        {
            byte[] bytes = new byte[random.Next(1, 12)];
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = some[random.Next(some.Length)];
            }

            broken += Utf8.IsValid(bytes) ? 0 : 1;
            List<int> ends = [];
            for (int at = 0; at < bytes.Length; at = ends[^1])
            {
                ends.Add(Quatrain.Tokenizers.BytePair.PieceScanner.End(bytes, at));
            }

            int length = 0;
            List<int> expected = [];
            string text = Encoding.UTF8.GetString(bytes);
            foreach (string piece in ReferenceBytePair.Split(text))
            {
                foreach (Rune rune in piece.EnumerateRunes())
                {
                    Rune.DecodeFromUtf8(bytes.AsSpan(length), out _, out int consumed);
                    length += consumed;
                }

                expected.Add(length);
            }

            ends.ShouldBe(expected, false, Convert.ToHexString(bytes));
        }

        broken.ShouldBeGreaterThan(1000);
    }

    [Theory]
    [InlineData(0xD83D, "ab{0}", 2)]
    [InlineData(0xDE00, "{0}x", 0)]
    [InlineData(0xD83D, "a{0}b", 1)]
    public void Half_of_a_pair_is_refused(int unit, string format, int position)
    {
        string text = format.Replace("{0}", ((char)unit).ToString(), StringComparison.Ordinal);

        Should.Throw<InvalidDataException>(() => TinyVocabulary.Tokenizer.Encode(text)).Message.ShouldContain($"(U+{unit:X4}) at position {position}");
        // What failed must not leak into what comes next.
        TinyVocabulary.Tokenizer.Encode("the cat").ShouldBe(TinyVocabulary.Reference.Encode("the cat"));
    }

    [Fact]
    public void An_empty_text_has_no_ids()
    {
        TinyVocabulary.Tokenizer.Encode("").ShouldBeEmpty();
        TinyVocabulary.Tokenizer.EncodeUtf8([]).ShouldBeEmpty();
        TinyVocabulary.Tokenizer.Decode([]).ShouldBe("");
        TinyVocabulary.Tokenizer.EncodeParallel("".AsMemory()).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(TinyVocabulary.EndOfText + 1)]
    [InlineData(int.MaxValue)]
    public void An_id_outside_the_vocabulary_is_refused(int id)
    {
        string expected = $"Token id {id} is outside the tokenizer's vocabulary of 317 tokens (ids 0 to 316).";

        Should.Throw<InvalidDataException>(() => TinyVocabulary.Tokenizer.Decode([1, id])).Message.ShouldBe(expected);
        Should.Throw<InvalidDataException>(() => TinyVocabulary.Tokenizer.ByteCount(id)).Message.ShouldBe(expected);
        Should.Throw<InvalidDataException>(() => new TokenStreamDecoder(TinyVocabulary.Tokenizer).Append(id)).Message.ShouldBe(expected);
    }

    [SharedDataFact(Gpt2Data.Encoder)]
    public void What_was_remembered_of_one_text_does_not_change_another()
    {
        Random random = new(5);
        string[] texts = [.. Enumerable.Range(0, 300).Select(_ => RandomText.Next(random))];
        List<int>[] expected = [.. texts.Select(Gpt2Data.Reference.Encode)];

        Parallel.For(0, 4000, i => Gpt2Data.Tokenizer.Encode(texts[i % texts.Length]).ShouldBe(expected[i % texts.Length]));
    }

    private static void HasTheIdsOfTheDefinition(BytePairTokenizer tokenizer, ReferenceBytePair reference)
    {
        Random random = new(20260101);
        for (int i = 0; i < Strings; i++)
        {
            string text = RandomText.Next(random);
            int[] ids = tokenizer.Encode(text);
            if (!ids.SequenceEqual(reference.Encode(text)))
            {
                ids.ShouldBe(reference.Encode(text), false, text);
            }

            tokenizer.Decode(ids).ShouldBe(text);
        }
    }
}
