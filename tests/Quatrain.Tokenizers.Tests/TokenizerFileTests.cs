using System.Text;

namespace Quatrain.Tokenizers.Tests;

public sealed class TokenizerFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("quatrain-tokenizer-");

    private string FilePath => Path.Combine(_folder.FullName, TokenizerFile.FileName);

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Load_gives_back_every_character_from_the_folder_or_the_file()
    {
        // Every kind of escape: controls, quotes, separators, private use, beyond the first plane.
        CharacterTokenizer saved = CharacterTokenizer.FromText("\0\a\n\r\t\"\\/<>&'+\u007F\u0085\u2028\uE000\uFEFF\uFFFD\uFFFFé日😀\U0010FFFF");
        File.WriteAllBytes(FilePath, saved.ToJson());

        foreach (string path in new[] { _folder.FullName, FilePath })
        {
            TokenizerFile.Load(path).ShouldBeOfType<CharacterTokenizer>().Characters.ShouldBe(saved.Characters);
            CharacterTokenizer.Load(path).Characters.ShouldBe(saved.Characters);
        }
    }

    [Fact]
    public void Load_keeps_the_order_of_the_list_and_allows_a_byte_order_mark()
    {
        File.WriteAllText(FilePath, """{ "characters": ["b", "a"], "type": "character", "note": 1 }""", new UTF8Encoding(true));

        TokenizerFile.Load(FilePath).Encode("ab").ShouldBe([1, 0]);
    }

    [Theory]
    [InlineData("", "is not valid JSON (line 1)")]
    [InlineData("{\"type\":\"character\",\n\"characters\":[\"a\"", "is not valid JSON (line 2)")]
    [InlineData("""{"type":"character","type":"character","characters":["a"]}""", "is not valid JSON")]
    [InlineData("[]", "does not name its type")]
    [InlineData("""{"characters":["a"]}""", "does not name its type")]
    [InlineData("""{"type":3,"characters":["a"]}""", "does not name its type")]
    [InlineData("""{"type":"word","characters":["a"]}""", "Its type \"word\" is not known; this version reads \"character\".")]
    [InlineData("""{"type":"character"}""", "The list \"characters\" is missing")]
    [InlineData("""{"type":"character","characters":"abc"}""", "The list \"characters\" is missing")]
    [InlineData("""{"type":"character","characters":[]}""", "list of characters is empty")]
    [InlineData("""{"type":"character","characters":["a",""]}""", "Entry 2 of the list \"characters\" is not a string of exactly one character")]
    [InlineData("""{"type":"character","characters":["ab"]}""", "Entry 1 of the list")]
    [InlineData("""{"type":"character","characters":["a","b",7]}""", "Entry 3 of the list")]
    [InlineData("""{"type":"character","characters":[null]}""", "Entry 1 of the list")]
    [InlineData("""{"type":"character","characters":["a","b","a"]}""", "'a' (U+0061) twice, the second time as entry 3")]
    [InlineData("""{"type":"character","characters":["\ud83d"]}""", "not valid Unicode")]
    public void Load_says_what_is_wrong_and_in_which_file(string json, string expected)
    {
        File.WriteAllText(FilePath, json);

        string message = Should.Throw<InvalidDataException>(() => TokenizerFile.Load(_folder.FullName)).Message;

        message.ShouldContain(expected);
        message.ShouldContain(FilePath);
    }

    [Fact]
    public void Load_refuses_bytes_that_are_not_UTF8()
    {
        byte[] json = [.. "{\"type\":\"character\",\"characters\":[\""u8, 0xC3, .. "\"]}"u8];
        File.WriteAllBytes(FilePath, json);

        Should.Throw<InvalidDataException>(() => TokenizerFile.Load(FilePath)).Message.ShouldContain("not valid");
    }

    [Fact]
    public void Load_refuses_a_file_that_is_too_long_without_reading_it()
    {
        using (FileStream stream = File.Create(FilePath))
        {
            stream.SetLength((32 << 20) + 1);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Should.Throw<InvalidDataException>(() => TokenizerFile.Load(FilePath)).Message.ShouldContain("longer than the 32 MiB");

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1 << 20);
    }

    [Fact]
    public void Load_of_an_absent_file_is_an_input_output_error() =>
        Should.Throw<FileNotFoundException>(() => TokenizerFile.Load(_folder.FullName)).Message.ShouldContain($"holds no tokenizer: no {TokenizerFile.FileName}");
}
