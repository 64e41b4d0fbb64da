using System.Text;
using System.Text.Json;
using Quatrain.Tests;
using Quatrain.Tokenizers.Tests.Reference;

namespace Quatrain.Tokenizers.Tests;

/// <summary>The files that byte-pair tokenizers come in: one vocabulary, whichever it was read from, and a sentence for each that is none.</summary>
public sealed class BytePairFilesTests : IDisposable
{
    private const string SomeText = "the cat's hats, 1001 things  \n\n日本語 é <|endoftext|>";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("quatrain-tokenizer-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("vocab.json", "merges.txt")]
    [InlineData("encoder.json", "vocab.bpe")]
    [InlineData("tiny.tiktoken")]
    public void Every_kind_of_file_is_known_from_its_folder_and_by_its_name(params string[] files)
    {
        TokenizerFile.IsPresent(_folder.FullName).ShouldBeFalse();
        foreach (string name in files)
        {
            Write(name, Content(name));
        }

        TokenizerFile.IsPresent(_folder.FullName).ShouldBeTrue();
        foreach (string path in files.Select(PathOf).Append(_folder.FullName))
        {
            IsTheTinyOne(TokenizerFile.Load(path));
        }
    }

    [Fact]
    public void In_a_folder_with_several_the_first_kind_is_read()
    {
        Write("a.tiktoken", "damaged");
        Write("vocab.json", "damaged");
        Write("tokenizer.json", Content("tokenizer.json"));

        IsTheTinyOne(TokenizerFile.Load(_folder.FullName));
        File.Delete(PathOf("tokenizer.json"));
        // A vocabulary without its merges is none.
        Should.Throw<InvalidDataException>(() => TokenizerFile.Load(_folder.FullName)).Message.ShouldContain("a.tiktoken");
        Write("b.tiktoken", "damaged");
        TokenizerFile.IsPresent(_folder.FullName).ShouldBeFalse();
        Should.Throw<FileNotFoundException>(() => TokenizerFile.Load(_folder.FullName)).Message
            .ShouldBe($"'{_folder.FullName}' holds no tokenizer: no tokenizer.json, no vocab.json with merges.txt, no encoder.json with vocab.bpe and no single *.tiktoken; name a folder or file with one.");
        Should.Throw<FileNotFoundException>(() => TokenizerFile.Load(PathOf("none"))).Message.ShouldContain("There is no tokenizer file or folder");
        Write("vocab.json", Content("vocab.json"));
        Should.Throw<FileNotFoundException>(() => TokenizerFile.Load(PathOf("vocab.json"))).Message.ShouldContain("merges.txt");
    }

    [Fact]
    public void What_is_written_is_read_as_the_same()
    {
        BytePairTokenizer tokenizer = TinyVocabulary.Tokenizer;
        Write("tokenizer.json", tokenizer.ToJson());
        IsTheTinyOne(TokenizerFile.Load(PathOf("tokenizer.json")));
        TokenizerFile.Load(PathOf("tokenizer.json")).ToJson().ShouldBe(tokenizer.ToJson());
        Write("vocab.json", tokenizer.ToVocabularyJson());
        Write("merges.txt", tokenizer.ToMergesText());
        IsTheTinyOne(TokenizerFile.Load(PathOf("vocab.json")));
        Encoding.UTF8.GetString(tokenizer.ToMergesText()).ShouldBe(TinyVocabulary.MergesText);

        IsTheTinyOne(BytePairTokenizer.FromByteLevelTokens(
            [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(tokenizer.ByteLevelToken)], [.. Enumerable.Range(0, tokenizer.MergeCount).Select(tokenizer.ByteLevelMerge)]));
    }

    /// <summary>The members that make Hugging Face's library take the file for GPT-2's fast tokenizer.</summary>
    [Fact]
    public void What_is_written_for_Hugging_Face_has_what_its_library_reads()
    {
        using JsonDocument document = JsonDocument.Parse(TinyVocabulary.Tokenizer.ToJson());
        JsonElement root = document.RootElement;

        root.EnumerateObject().Select(member => member.Name).ShouldBe(
            ["version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model"]);
        root.GetProperty("added_tokens").GetRawText().ShouldBe(
            """[{"id":316,"content":"<|endoftext|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]""");
        root.GetProperty("pre_tokenizer").GetRawText().ShouldBe("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""");
        root.GetProperty("model").GetProperty("type").GetString().ShouldBe("BPE");
        root.GetProperty("model").GetProperty("vocab").GetProperty("<|endoftext|>").GetInt32().ShouldBe(316);
        root.GetProperty("model").GetProperty("merges").GetArrayLength().ShouldBe(TinyVocabulary.MergeCount);
        JsonDocument.Parse(TinyVocabulary.Tokenizer.ToConfigJson(1024)).RootElement.GetProperty("eos_token").GetString().ShouldBe("<|endoftext|>");
        JsonDocument.Parse(TinyVocabulary.Tokenizer.ToConfigJson(1024)).RootElement.GetProperty("model_max_length").GetInt32().ShouldBe(1024);
    }

    [SharedDataFact(Gpt2Data.Encoder)]
    public void GPT2s_vocabulary_is_the_same_from_each_of_its_files()
    {
        byte[] merges = File.ReadAllBytes(SharedData.Get(Gpt2Data.Folder + "vocab.bpe"));
        byte[] json = Gpt2Data.Tokenizer.ToJson();
        foreach (string name in new[] { "encoder.json", "vocab.bpe", "r50k_base.tiktoken", "tokenizer.json" })
        {
            BytePairTokenizer tokenizer = (BytePairTokenizer)TokenizerFile.Load(SharedData.Get(Gpt2Data.Folder + name));

            tokenizer.VocabularySize.ShouldBe(50257);
            tokenizer.EndOfTextId.ShouldBe(50256);
            tokenizer.SpecialTokens.ShouldBe([new SpecialToken(50256, "<|endoftext|>")]);
            // All tokens and merges, those that were recovered from the ranks among them.
            tokenizer.ToMergesText().AsSpan().SequenceEqual(merges).ShouldBeTrue(name);
            tokenizer.ToJson().AsSpan().SequenceEqual(json).ShouldBeTrue(name);
            tokenizer.Encode("Hello world").ShouldBe([15496, 995]);
        }
    }

    [Fact]
    public void Merges_may_be_pairs_and_parts_may_be_alone_in_a_sequence()
    {
        string pairs = JsonSerializer.Serialize(TinyVocabulary.Merges.Select(merge => merge.Split(' ')));
        Write("tokenizer.json", TinyVocabulary.TokenizerJson(
            "\"dropout\":null",
            """
            "normalizer":null,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}]},"decoder":{"type":"ByteLevel"}
            """,
            pairs));

        IsTheTinyOne(TokenizerFile.Load(_folder.FullName));
    }

    [Fact]
    public void Added_tokens_beyond_the_vocabulary_are_special()
    {
        Write("tokenizer.json", TinyVocabulary.TokenizerJson(rest:
            """
            "pre_tokenizer":{"type":"ByteLevel"},"added_tokens":[{"id":317,"content":"[PAD]","special":true},{"id":316,"content":"<|endoftext|>","special":true}]
            """));

        BytePairTokenizer tokenizer = (BytePairTokenizer)TokenizerFile.Load(_folder.FullName);
        tokenizer.VocabularySize.ShouldBe(318);
        tokenizer.Encode("[PAD]", SpecialTokenPolicy.AllowAll).ShouldBe([317]);
        tokenizer.EndOfTextId.ShouldBe(316);
    }

    [Theory]
    [InlineData("\"type\":\"WordPiece\"", "Its model is of the type \"WordPiece\"; only BPE is supported.")]
    [InlineData("\"type\":3", "of the type \"3\"")]
    [InlineData("\"byte_fallback\":true", "Its \"byte_fallback\" is \"True\", which is not supported.")]
    [InlineData("\"ignore_merges\":true", "\"ignore_merges\"")]
    [InlineData("\"dropout\":0.1", "\"dropout\" is \"0.1\"")]
    [InlineData("\"end_of_word_suffix\":\"</w>\"", "\"end_of_word_suffix\" is \"</w>\"")]
    [InlineData("\"continuing_subword_prefix\":7", "\"continuing_subword_prefix\"")]
    public void Another_model_is_refused(string model, string expected) => Refuses("tokenizer.json", TinyVocabulary.TokenizerJson(model), expected);

    [Theory]
    [InlineData("\"pre_tokenizer\":null", "It has no pre_tokenizer; one of the type ByteLevel is needed.")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"Metaspace\"}", "Its pre_tokenizer is \"Metaspace\"; only one of the type ByteLevel")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\"},{\"type\":\"ByteLevel\"}]}", "Its pre_tokenizer is \"Sequence\"")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", "Its \"add_prefix_space\" is \"True\"")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"use_regex\":false}", "\"use_regex\"")]
    [InlineData("\"pre_tokenizer\":[]", "Its pre_tokenizer is \"[]\"")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"normalizer\":{\"type\":\"NFC\"}", "It normalizes text (\"NFC\") before encoding")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"decoder\":{\"type\":\"Metaspace\"}", "Its decoder is \"Metaspace\"")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"post_processor\":{\"type\":\"TemplateProcessing\"}", "Its post_processor is \"TemplateProcessing\"")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\":3", "\"added_tokens\" are not a list")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\":[{\"id\":400,\"content\":\"[PAD]\"}]", "Token \"[PAD]\" has the id 400, but there are 318 tokens")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\":[{\"id\":5,\"content\":\"<|endoftext|>\"}]", "has the id 5, but 316 in the vocabulary")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\":[{\"id\":317,\"content\":\"x\",\"lstrip\":true}]", "has lstrip")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\":[{\"id\":317,\"content\":\"\"}]", "The special token 317 is empty")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"added_tokens\":[7]", "has no content and id")]
    public void What_would_give_other_ids_is_refused(string rest, string expected) => Refuses("tokenizer.json", TinyVocabulary.TokenizerJson(rest: rest), expected);

    [Theory]
    [InlineData("[\"a\"]", "Merge 1, \"a\", is not two tokens with one space between.")]
    [InlineData("[\"a b c\"]", "Merge 1, \"a b c\", is not two tokens")]
    [InlineData("[\" a\"]", "Merge 1")]
    [InlineData("[\"a \"]", "Merge 1")]
    [InlineData("[[\"a\"]]", "is not two tokens")]
    [InlineData("[[\"a \",\"b\"]]", "is not two tokens")]
    [InlineData("[[\"a\",3]]", "is not two tokens")]
    [InlineData("[\"q x\"]", "Merge 1, \"q x\", needs the token \"qx\", which the vocabulary has not.")]
    [InlineData("[\"qq x\"]", "needs the token \"qq\"")]
    [InlineData("[\"<|endoftext|> a\"]", "needs the token \"<|endoftext|>\"")]
    [InlineData("7", "no list of \"merges\"")]
    public void Merges_that_are_none_are_refused(string merges, string expected) => Refuses("tokenizer.json", TinyVocabulary.TokenizerJson(merges: merges), expected);

    /// <summary>Tokens and merges are read in passing; what comes before, between and after them must not matter, nor what the same names mean elsewhere.</summary>
    [Fact]
    public void Parts_may_come_in_any_order_and_names_may_be_escaped()
    {
        string merges = JsonSerializer.Serialize(TinyVocabulary.Merges);
        Write("tokenizer.json",
            "{\"vocab\":{\"q\":[]},\"model\":{\"m\\u0065rges\":" + merges + ",\"unk_token\":null,\"vocab\":" + TinyVocabulary.VocabularyJson
            + ",\"type\":\"BPE\"},\"merges\":[7],\"pre_tokenizer\":{\"type\":\"ByteLevel\"}}\n");

        IsTheTinyOne(TokenizerFile.Load(_folder.FullName));
    }

    [Theory]
    [InlineData("\"vocab\":{}", "two members of one name")]
    [InlineData("\"type\":\"BPE\",\"type\":\"BPE\"", "two members of one name")]
    [InlineData("\"vocab\":3", "two members of one name")]
    [InlineData("\"x\":[1", "is not valid JSON (line 1)")]
    public void Models_that_say_things_twice_are_refused(string model, string expected) => Refuses("tokenizer.json", TinyVocabulary.TokenizerJson(model), expected);

    [Theory]
    [InlineData("{}} x", "is not valid JSON (line 1)")]
    [InlineData("{}}\n\n]", "is not valid JSON (line 3)")]
    [InlineData("{}", "is not valid JSON (line 1)")]
    public void What_comes_after_the_tokens_is_looked_at(string end, string expected) => Refuses(
        "tokenizer.json", "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"more\":" + end, expected);

    [Fact]
    public void A_merge_that_is_there_twice_is_refused() => Refuses(
        "tokenizer.json", TinyVocabulary.TokenizerJson(merges: JsonSerializer.Serialize(TinyVocabulary.Merges.Append(TinyVocabulary.Merges[3]))), "Merge 61, ");

    [Theory]
    [InlineData("", "is not valid JSON (line 1)")]
    [InlineData("[]", "The vocabulary is not an object")]
    [InlineData("{}", "it must have at least 256")]
    [InlineData("""{"a":"b"}""", "The id of token \"a\" is not a whole number from 0")]
    [InlineData("""{"a":-1}""", "is not a whole number from 0")]
    [InlineData("""{"a":1.5}""", "is not a whole number from 0")]
    [InlineData("""{"a":99999999999}""", "is not a whole number from 0")]
    [InlineData("""{"a":1}""", "Token \"a\" has the id 1, but there are 1 tokens; ids must be 0 to 0 without gaps.")]
    [InlineData("""{"a":0,"b":0}""", "Tokens \"a\" and \"b\" both have the id 0")]
    [InlineData("""{"a":0,"a":1}""", "is not valid JSON")]
    [InlineData("""{"a":0}""", "There is no token for the byte 0x00", "The vocabulary has no token for the byte 0x00")]
    [InlineData("""{" ":0}""", "has the character U+0020, which stands for no byte")]
    [InlineData("""{"":0}""", "Token 0 is empty")]
    [InlineData("""{"\ud83d":0}""", "not valid Unicode")]
    public void Vocabularies_that_are_none_are_refused(string json, string expected, string? otherwise = null)
    {
        Write("merges.txt", "#version: 0.2\n");
        Refuses("vocab.json", json, otherwise ?? expected, either: "merges.txt");
    }

    [Fact]
    public void A_file_of_merges_that_is_not_UTF8_is_refused()
    {
        Write("vocab.json", TinyVocabulary.VocabularyJson);
        Write("merges.txt", [(byte)'a', (byte)' ', 0xFF, (byte)'\n']);

        Should.Throw<InvalidDataException>(() => TokenizerFile.Load(_folder.FullName)).Message.ShouldBe($"The tokenizer file '{PathOf("merges.txt")}' can't be used: It is not valid UTF-8.");
    }

    [Theory]
    [InlineData("", "It is empty.")]
    [InlineData("IQ==", "Line 1 is not a token in base64, a space and a rank.")]
    [InlineData("IQ== x", "Line 1 is not")]
    [InlineData("IQ== -1", "Line 1 is not")]
    [InlineData("IQ== 0 0", "Line 1 is not")]
    [InlineData("I!== 0", "Line 1 does not begin with a token in base64.")]
    [InlineData("IQ 0", "Line 1 does not begin")]
    [InlineData("IQ== 0\nIg== 0", "Line 2 has the rank 0, which another line has too.")]
    [InlineData("IQ== 0\nIg== 5", "Line 2 has the rank 5, but there are 2 tokens")]
    [InlineData("IQ== 0", "There is no token for the byte 0x00")]
    public void Tiktoken_files_that_are_none_are_refused(string text, string expected) => Refuses("x.tiktoken", text, expected);

    [Fact]
    public void A_tiktoken_file_whose_tokens_are_not_of_two_others_is_refused() =>
        Refuses("x.tiktoken", string.Concat(Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {b}\n")) + $"{Convert.ToBase64String("abc"u8)} 256\n",
            "Line 257: the token of rank 256 is not made of two tokens of lower ranks but of 3, so it has no merge.");

    [Fact]
    public void A_tiktoken_file_of_another_pattern_is_refused() =>
        Refuses("x.tiktoken", string.Concat(Enumerable.Range(0, (1 << 16) + 1).Select(i => $"IQ== {i}\n")), "more than 65536 tokens; such vocabularies are of tokenizers that cut text by other patterns");

    /// <summary>p50k_base leaves the id of its end of text free among the others.</summary>
    [Fact]
    public void The_end_of_text_takes_the_rank_that_a_tiktoken_file_leaves_out()
    {
        string[] lines = TinyVocabulary.Tiktoken.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Write("x.tiktoken", string.Join('\n', lines.Select((line, id) => id < 300 ? line : $"{line.Split(' ')[0]} {id + 1}")));

        BytePairTokenizer tokenizer = (BytePairTokenizer)TokenizerFile.Load(_folder.FullName);
        tokenizer.EndOfTextId.ShouldBe(300);
        tokenizer.Encode(SomeText).ShouldBe(TinyVocabulary.Reference.Encode(SomeText).Select(id => id < 300 ? id : id + 1));
    }

    [Fact]
    public void JSON_nested_without_end_is_refused() => Refuses("tokenizer.json", new string('[', 1_000_000), "is not valid JSON");

    [Fact]
    public void Too_many_special_tokens_are_refused() => Should.Throw<InvalidDataException>(() => BytePairTokenizer.FromByteLevelTokens(
        [.. TinyVocabulary.Tokens, .. Enumerable.Range(0, 2000).Select(i => $"<{i}>")], TinyVocabulary.Merges, [.. Enumerable.Range(316, 2000)])).Message.ShouldContain("at most 1024");

    private static byte[] Content(string name) => Encoding.UTF8.GetBytes(Path.GetExtension(name) switch
    {
        ".tiktoken" => TinyVocabulary.Tiktoken,
        ".txt" or ".bpe" => TinyVocabulary.MergesText,
        _ => name == "tokenizer.json" ? TinyVocabulary.TokenizerJson() : TinyVocabulary.VocabularyJson,
    });

    private static void IsTheTinyOne(ITokenizer tokenizer)
    {
        BytePairTokenizer read = tokenizer.ShouldBeOfType<BytePairTokenizer>();
        read.VocabularySize.ShouldBe(TinyVocabulary.Tokens.Length);
        read.EndOfTextId.ShouldBe(TinyVocabulary.EndOfText);
        read.ToJson().AsSpan().SequenceEqual(TinyVocabulary.Tokenizer.ToJson()).ShouldBeTrue();
        read.Encode(SomeText).ShouldBe(TinyVocabulary.Reference.Encode(SomeText));
    }

    private void Refuses(string name, string content, string expected, string? either = null)
    {
        Write(name, content);

        string message = Should.Throw<InvalidDataException>(() => TokenizerFile.Load(PathOf(name))).Message;

        message.ShouldContain(expected);
        (message.Contains(PathOf(name), StringComparison.Ordinal) || (either is not null && message.Contains(PathOf(either), StringComparison.Ordinal))).ShouldBeTrue(message);
        message.ShouldEndWith(".");
        message.ShouldNotContain('\n');
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private void Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    private void Write(string name, byte[] bytes) => File.WriteAllBytes(PathOf(name), bytes);
}
