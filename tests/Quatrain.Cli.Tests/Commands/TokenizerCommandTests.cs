using System.Text;
using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Tests.Commands;

public sealed class TokenizerCommandTests : IDisposable
{
    private const string Text = "Hello world\r\n\n  it's 1001  \n日本語 <|endoftext|> é\n";

    private static readonly BytePairTokenizer Tokenizer = MakeTokenizer();

    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public TokenizerCommandTests()
    {
        _folder.WriteBytes("vocab.json", Tokenizer.ToVocabularyJson());
        _folder.WriteBytes("merges.txt", Tokenizer.ToMergesText());
        _model = _folder.Path;
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_text_becomes_its_ids_and_the_ids_its_bytes()
    {
        string text = _folder.WriteText("a.txt", Text);

        Outcome encoded = await Run("encode", "--input", text);

        int[] ids = Tokenizer.Encode(Text);
        encoded.Success().ShouldBe(string.Join(' ', ids) + "\n");
        encoded.Error.ShouldBe($"Encoded {Encoding.UTF8.GetByteCount(Text)} bytes of '{text}' as {ids.Length} tokens.\n");
        Outcome decoded = await Run("decode", "--input", _folder.WriteText("a.ids", encoded.Output));
        decoded.Success().ShouldBe(Text);
        decoded.Error.ShouldContain($"Decoded {ids.Length} tokens of ");
        (await Run("decode", "--input", _folder.WriteText("b.ids", string.Join(",\n", ids)))).Success().ShouldBe(Text);
    }

    [Theory]
    [InlineData(Text)]
    [InlineData("one line\n")]
    [InlineData("no line feed at the end")]
    [InlineData("a\n\n")]
    [InlineData("\n")]
    [InlineData("")]
    public async Task Json_has_a_line_for_each_line_and_decodes_to_the_same_bytes(string text)
    {
        string lines = (await Run("encode", "--json", "--input", _folder.WriteText("a.txt", text))).Success();

        string[] expected = text.Split('\n');
        JsonElement[] objects = [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        objects.Length.ShouldBe(text.Length == 0 ? 0 : expected.Length - (text.EndsWith('\n') ? 1 : 0));
        foreach ((JsonElement line, string original) in objects.Zip(expected))
        {
            Ids(line).ShouldBe(Tokenizer.Encode(original));
        }

        string decoded = _folder.File("decoded");
        (await Run("decode", "--input", _folder.WriteText("a.jsonl", lines), "--output", decoded)).Success().ShouldBe("");
        File.ReadAllBytes(decoded).ShouldBe(Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public async Task A_line_is_written_as_the_documentation_shows_it() =>
        (await Run("encode", "--json", "--input", _folder.WriteText("a.txt", "ab\n"))).Success().ShouldBe($"{{\"ids\": [{string.Join(", ", Tokenizer.Encode("ab"))}]}}\n");

    [Fact]
    public async Task Jsonl_has_a_text_in_each_line_and_decode_gives_it_back()
    {
        string[] texts = ["Hello\nworld", "", "it's \"1001\" \\ é"];
        string jsonl = string.Concat(texts.Select(text => JsonSerializer.Serialize(new { id = 1, text }) + "\n"));

        string encoded = (await Run("encode", "--json", "--input", _folder.WriteText("a.jsonl", jsonl))).Success();
        encoded.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Ids(JsonDocument.Parse(line).RootElement)).ShouldBe(texts.Select(text => Tokenizer.Encode(text)));
        string decoded = (await Run("decode", "--json", "--input", _folder.WriteText("a.ids", encoded))).Success();
        decoded.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()).ShouldBe(texts);

        // Without --json: a line of ids for each, from which --json makes texts again. The format may be named.
        string plain = (await Run("encode", "--format", "jsonl", "--input", _folder.WriteText("a.txt", jsonl))).Success();
        plain.Split('\n')[0].ShouldBe(string.Join(' ', Tokenizer.Encode(texts[0])));
        (await Run("decode", "--json", "--input", _folder.WriteText("b.ids", plain))).Success().ShouldBe(decoded);
    }

    [Fact]
    public async Task What_is_no_text_comes_back_byte_for_byte()
    {
        byte[] bytes = [.. Enumerable.Range(0, 256).Select(value => (byte)value), (byte)'\n', 0xF0, 0x9F];
        string input = _folder.WriteBytes("a.dat", bytes);
        foreach (string[] json in new string[][] { [], ["--json"] })
        {
            (await Run(["encode", "--input", input, "--output", _folder.File("ids"), .. json])).Success();
            (await Run("decode", "--input", _folder.File("ids"), "--output", _folder.File("back"))).Success();
            File.ReadAllBytes(_folder.File("back")).ShouldBe(bytes);
        }

        Outcome shown = await Run("decode", "--json", "--input", _folder.File("ids"));
        shown.Success().ShouldContain("\uFFFD");
        shown.Error.ShouldContain("hold bytes that are not UTF-8");
    }

    [Fact]
    public async Task A_bin_holds_16_bit_ids_and_ends_each_jsonl_text()
    {
        (await Run("encode", "--input", _folder.WriteText("a.txt", Text), "--output", _folder.File("a.bin"))).Success().ShouldBe("");
        Bin("a.bin").ShouldBe(Tokenizer.Encode(Text));
        (await Run("decode", "--input", _folder.File("a.bin"))).Success().ShouldBe(Text);

        (await Run("encode", "--input", _folder.WriteText("b.jsonl", "{\"text\":\"a\"}\n\n{\"text\":\"b c\"}"), "--output", _folder.File("b.bin"))).Success();
        int end = Tokenizer.EndOfTextId!.Value;
        Bin("b.bin").ShouldBe([.. Tokenizer.Encode("a"), end, .. Tokenizer.Encode("b c"), end]);
        (await Run("decode", "--input", _folder.File("b.bin"))).Success().ShouldBe("a<|endoftext|>b c<|endoftext|>");
        (await Run("decode", "--skip-special", "--input", _folder.File("b.bin"))).Success().ShouldBe("ab c");
        (await Run("encode", "--json", "--input", _folder.File("a.txt"), "--output", _folder.File("c.bin"))).Refusal().ShouldContain("holds no JSON");
        (await Run("decode", "--json", "--input", _folder.File("a.bin"))).Refusal().ShouldContain("has no lines");
        _folder.WriteBytes("odd.bin", 1, 0, 2);
        (await Run("decode", "--input", _folder.File("odd.bin"))).Refusal().ShouldContain("not a whole number of 2-byte tokens");
    }

    [Fact]
    public async Task Special_tokens_are_text_unless_they_are_allowed()
    {
        string input = _folder.WriteText("a.txt", "a<|endoftext|>");

        (await Run("encode", "--input", input)).Success().ShouldBe(string.Join(' ', Tokenizer.Encode("a<|endoftext|>")) + "\n");
        string ids = (await Run("encode", "--allow-special", "--input", input)).Success();
        ids.ShouldBe(string.Join(' ', Tokenizer.Encode("a<|endoftext|>", SpecialTokenPolicy.AllowAll)) + "\n");
        ids.ShouldEndWith($" {Tokenizer.EndOfTextId}\n");
        (await Run("decode", "--input", _folder.WriteText("ids", ids))).Success().ShouldBe("a<|endoftext|>");
        (await Run("decode", "--skip-special", "--input", _folder.File("ids"))).Success().ShouldBe("a");
    }

    /// <summary>Text is read in blocks of 8 MiB, ids in blocks of 1 MiB.</summary>
    [Fact]
    public async Task A_text_of_several_blocks_has_the_ids_of_the_whole()
    {
        string text = string.Concat(Enumerable.Repeat(Text, 1 + (18_000_000 / Text.Length)));
        string input = _folder.WriteText("a.txt", text);

        (await Run("encode", "--input", input, "--output", _folder.File("a.bin"))).Success();
        Bin("a.bin").AsSpan().SequenceEqual(Tokenizer.Encode(text)).ShouldBeTrue();
        (await Run("encode", "--input", input, "--output", _folder.File("a.ids"))).Success();
        (await Run("decode", "--input", _folder.File("a.ids"), "--output", _folder.File("back"))).Success();
        File.ReadAllBytes(_folder.File("back")).AsSpan().SequenceEqual(File.ReadAllBytes(input)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_character_tokenizer_works_alike()
    {
        string model = _folder.WriteBytes("tokenizer.json", CharacterTokenizer.FromText("abc é\n").ToJson());

        string ids = (await CommandLine.Run("tokenizer", "encode", model, "--input", _folder.WriteText("a.txt", "abé\nc"))).Success();
        (await CommandLine.Run("tokenizer", "decode", model, "--input", _folder.WriteText("a.ids", ids))).Success().ShouldBe("abé\nc");
        (await CommandLine.Run("tokenizer", "encode", model, "--input", _folder.WriteText("b.txt", "abd"))).Refusal().ShouldContain("'d' (U+0064) at position 2");
        (await CommandLine.Run("tokenizer", "encode", model, "--input", _folder.WriteBytes("c.txt", 0x61, 0xFF))).Refusal().ShouldContain("is not valid UTF-8");
        (await CommandLine.Run("tokenizer", "encode", model, "--allow-special", "--input", _folder.File("a.txt"))).Refusal().ShouldContain("no special tokens");
        (await CommandLine.Run("tokenizer", "decode", model, "--skip-special", "--input", _folder.File("a.ids"))).Refusal().ShouldContain("no special tokens");
    }

    [Theory]
    [InlineData("x.jsonl", "{\"text\":\"a\"}\n{\"t\":1}", "encode", "Line 2 of ")]
    [InlineData("x.jsonl", "{\"text\":3}", "encode", "is no object with a \"text\"")]
    [InlineData("x.jsonl", "[1]", "encode", "is no object with a \"text\"")]
    [InlineData("x.jsonl", "{", "encode", "Line 1 of ")]
    [InlineData("x.jsonl", "{\"text\":\"\\ud800\"}", "encode", "is not valid JSON")]
    [InlineData("x.ids", "1 2 x", "decode", "has 'x' where a token id should be")]
    [InlineData("x.ids", "1 99999", "decode", "Token id 99999 is outside the tokenizer's vocabulary")]
    [InlineData("x.ids", "1 -5", "decode", "Token id -5 is outside")]
    [InlineData("x.ids", "1 99999999999999999999", "decode", "where a token id should be")]
    [InlineData("x.ids", "{\"ids\": [1]}\n{\"ids\": [\"a\"]}", "decode", "Line 2 of ")]
    [InlineData("x.ids", "{\"id\": [1]}", "decode", "has no list of \"ids\"")]
    [InlineData("x.ids", "{\"ids\": [1]", "decode", "is not valid JSON")]
    [InlineData("x.ids", "{\"ids\": [1]}\nabc", "decode", "has 'abc' where a token id should be")]
    public async Task What_can_not_be_read_is_refused_in_one_sentence(string name, string content, string command, string expected) =>
        (await Run(command, "--input", _folder.WriteText(name, content))).Refusal().ShouldContain(expected);

    [Fact]
    public async Task What_is_not_there_is_refused_and_leaves_no_output()
    {
        (await Run("encode", "--input", _folder.File("none"))).Refusal().ShouldContain("There is no file");
        (await Run("encode", "--input", _folder.Path)).Refusal().ShouldContain("is a folder");
        (await CommandLine.Run("tokenizer", "encode", _folder.File("none"), "--input", "-")).Refusal().ShouldContain("There is no file or folder");
        (await Run("encode", "--format", "xml", "--input", "-")).Refusal().ShouldContain("--format is 'xml'");
        // Without --input it is standard input.
        (await Run("encode", "--format", "xml")).Refusal().ShouldContain("--format is 'xml'");
        (await Run("decode", "--input", _folder.WriteText("bad", "1 2 x"), "--output", _folder.File("out"))).Refusal();
        File.Exists(_folder.File("out")).ShouldBeFalse();
    }

    private Task<Outcome> Run(string command, params string[] more) => CommandLine.Run(["tokenizer", command, _model, .. more]);

    private Task<Outcome> Run(string[] arguments) => Run(arguments[0], arguments[1..]);

    private static int[] Ids(JsonElement line) => [.. line.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    private int[] Bin(string name)
    {
        byte[] bytes = File.ReadAllBytes(_folder.File(name));
        return [.. Enumerable.Range(0, bytes.Length / 2).Select(i => (int)BitConverter.ToUInt16(bytes, 2 * i))];
    }

    // The bytes, a few merges, and the token that ends a text, spelled as vocabularies spell them.
    private static BytePairTokenizer MakeTokenizer()
    {
        string[] merges = ["h e", "l l", "Ġ Ġ", "i t", "' s", "1 0", "10 0", "he ll", "hell o", "Ġ w", "o r"];
        List<string> tokens = [];
        int more = 256;
        for (int value = 0; value < 256; value++)
        {
            bool isVisible = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            tokens.Add(((char)(isVisible ? value : more++)).ToString());
        }

        return BytePairTokenizer.FromByteLevelTokens([.. tokens, .. merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)), "<|endoftext|>"], merges);
    }
}
