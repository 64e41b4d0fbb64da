using System.Text;
using Quatrain.Cli.Hosting;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests.Hosting;

public sealed class PromptFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a\n\n b \r\n{\"prompt\":1}", false, "1:a", "3: b ", "4:{\"prompt\":1}")]
    [InlineData("{\"prompt\":\"x\\ny\"}\n  \n{\"text\":\"z\"}\n", true, "1:x\ny", "3:z")]
    [InlineData("{\"text\":\"z\",\"prompt\":\"x\"}", true, "1:x")]
    [InlineData("{\"text\":\"z\"}\n{\"text\":\"\"}", null, "1:z", "2:")]
    [InlineData("{curly\nlines", null, "1:{curly", "2:lines")]
    [InlineData("", null)]
    public void Reads_lines_or_json(string text, bool? json, params string[] prompts) =>
        PromptFile.Read(new StringReader(text), "it", json).Select(prompt => $"{prompt.Where.Split(' ')[1]}:{prompt.Text}").ShouldBe(prompts);

    [Theory]
    [InlineData("{\"prompt\":\"a\"}\n{\"prompt\":", "Line 2 of it is not valid JSON; write one object a line, such as {\"prompt\": \"Once\"}.")]
    [InlineData("[1]", "Line 1 of it has no text called \"prompt\" or \"text\"; write one object a line, such as {\"prompt\": \"Once\"}.")]
    [InlineData("{\"prompt\":5}", "Line 1 of it has no text called \"prompt\" or \"text\"; write one object a line, such as {\"prompt\": \"Once\"}.")]
    [InlineData("{\"prompt\":\"\\ud800\"}", "Line 1 of it holds text that is not valid Unicode.")]
    public void Refuses_what_is_no_prompt(string text, string sentence) =>
        Should.Throw<InvalidDataException>(() => PromptFile.Read(new StringReader(text), "it", json: true).Count()).Message.ShouldBe(sentence);

    [Fact]
    public void Json_of_any_depth_is_refused() =>
        Should.Throw<InvalidDataException>(() => PromptFile.Read(new StringReader(new string('[', 100_000)), "it", json: true).Count()).Message.ShouldContain("not valid JSON");

    [Fact]
    public void A_line_without_end_is_refused_before_it_fills_the_memory()
    {
        using EndlessReader reader = new();

        Should.Throw<InvalidDataException>(() => PromptFile.Read(reader, "it", json: false).Count()).Message.ShouldContain("Line 1 of it has more than 16,777,216 characters");
    }

    [Theory]
    [InlineData("prompts.txt", "{\"prompt\":\"a\"}")]
    [InlineData("prompts.jsonl", "a")]
    [InlineData("prompts.NDJSON", "a")]
    public void The_files_name_says_whether_it_holds_json(string name, string expected)
    {
        PromptFile file = new(_folder.WriteText(name, "\uFEFF{\"prompt\":\"a\"}\n"));

        file.CanReadTwice.ShouldBeTrue();
        file.Read().Select(prompt => prompt.Text).ShouldBe([expected]);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        string path = _folder.File("prompts.txt");
        File.WriteAllBytes(path, [.. Encoding.UTF8.GetBytes("good\n"), 0xFF, 0xFE, 10]);

        Should.Throw<InvalidDataException>(() => new PromptFile(path).Read().Count()).Message.ShouldContain("is not valid UTF-8");
        Should.Throw<InvalidDataException>(() => new PromptFile(_folder.Path)).Message.ShouldContain("is a folder");
    }

    private sealed class EndlessReader : TextReader
    {
        public override int Read() => 'a';
    }
}
