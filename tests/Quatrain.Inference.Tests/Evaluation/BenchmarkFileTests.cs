using System.Text;
using Quatrain.Inference.Evaluation;
using Quatrain.Tests;

namespace Quatrain.Inference.Tests.Evaluation;

public sealed class BenchmarkFileTests : IDisposable
{
    private const string Good = """{"ind": 7, "activity_label": "Rest", "ctx_a": "A man.", "ctx_b": "he", "ctx": "A man. he", "label": 1, "endings": ["sits", "lies"]}""";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void HellaSwag_is_read_as_its_authors_wrote_it()
    {
        Write(Good + "\r\n\n" + """{"ctx": "a", "label": "0", "endings": ["b", "c"]}""");

        IReadOnlyList<BenchmarkItem> items = BenchmarkFile.Read(_path, BenchmarkKind.HellaSwag);

        items.Count.ShouldBe(2);
        (items[0].Line, items[0].Id, items[0].Context, items[0].Label).ShouldBe((1, "7", "A man. he", 1));
        items[0].Choices.ShouldBe([" sits", " lies"]);
        (items[1].Line, items[1].Id, items[1].Label).ShouldBe((3, "3", 0));
        BenchmarkFile.Read(_path, BenchmarkKind.HellaSwag, limit: 1).ShouldHaveSingleItem().Line.ShouldBe(1);
    }

    [Fact]
    public void HellaSwag_of_the_harness_has_its_own_context()
    {
        Write(Good);

        BenchmarkItem item = BenchmarkFile.Read(_path, BenchmarkKind.HellaSwagHarness).ShouldHaveSingleItem();

        item.Context.ShouldBe("Rest: A man. He");
        item.Choices.ShouldBe([" sits", " lies"]);
    }

    [Fact]
    public void LAMBADA_is_read_with_its_last_word_apart_or_not()
    {
        Write("""{"context": "I do not", "continuation": "care"}""" + "\n" + """{"text": "You do know"}""");

        IReadOnlyList<BenchmarkItem> items = BenchmarkFile.Read(_path, BenchmarkKind.Lambada);

        items.Select(item => (item.Context, item.Choices[0])).ShouldBe([("I do not", " care"), ("You do", " know")]);
    }

    [Theory]
    [InlineData("""{"label": 1, "endings": ["a", "b"]}""", "ctx is missing")]
    [InlineData("""{"ctx": 3, "label": 1, "endings": ["a", "b"]}""", "ctx is not a text")]
    [InlineData("""{"ctx": " ", "label": 1, "endings": ["a", "b"]}""", "ctx is empty")]
    [InlineData("""{"ctx": "x", "endings": ["a", "b"]}""", "label is missing")]
    [InlineData("""{"ctx": "x", "label": 2, "endings": ["a", "b"]}""", "label is not a whole number from 0 to 1")]
    [InlineData("""{"ctx": "x", "label": -1, "endings": ["a", "b"]}""", "label is not a whole number from 0 to 1")]
    [InlineData("""{"ctx": "x", "label": 0.5, "endings": ["a", "b"]}""", "label is not a whole number from 0 to 1")]
    [InlineData("""{"ctx": "x", "label": null, "endings": ["a", "b"]}""", "label is not a whole number from 0 to 1")]
    [InlineData("""{"ctx": "x", "label": "", "endings": ["a", "b"]}""", "label is not a whole number from 0 to 1")]
    [InlineData("""{"ctx": "x", "label": 0}""", "endings is missing")]
    [InlineData("""{"ctx": "x", "label": 0, "endings": ["a"]}""", "endings is not an array of 2 to 100 texts")]
    [InlineData("""{"ctx": "x", "label": 0, "endings": "ab"}""", "endings is not an array of 2 to 100 texts")]
    [InlineData("""{"ctx": "x", "label": 0, "endings": ["a", ""]}""", "endings[1] is empty")]
    [InlineData("""{"ctx": "x", "label": 0, "endings": ["a", 3]}""", "endings[1] is not a text")]
    [InlineData("""{"ctx": "x", "ctx": "y", "label": 0, "endings": ["a", "b"]}""", "there is no valid JSON object")]
    [InlineData("""{"ctx": "\ud800", "label": 0, "endings": ["a", "b"]}""", "there is text that is not valid Unicode")]
    [InlineData("[1]", "there is no JSON object")]
    [InlineData("{", "there is no valid JSON object")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[[[[[[[", "there is no valid JSON object")]
    public void A_wrong_line_ends_in_a_sentence_that_names_it(string line, string problem)
    {
        Write(Good + "\n" + line + "\n");

        Should.Throw<InvalidDataException>(() => BenchmarkFile.Read(_path, BenchmarkKind.HellaSwag))
            .Message.ShouldBe($"'{_path}' can't be used: on line 2 {problem}; name the benchmark's file as its authors made it.");
    }

    [Theory]
    [InlineData("""{"context": "x"}""", "continuation is missing")]
    [InlineData("""{"context": "x", "continuation": ""}""", "continuation is empty")]
    [InlineData("""{"other": "x"}""", "text is missing")]
    [InlineData("""{"text": "word"}""", "text does not end with a space and a word")]
    [InlineData("""{"text": "word "}""", "text does not end with a space and a word")]
    public void A_wrong_line_of_LAMBADA_does_too(string line, string problem)
    {
        Write(line);

        Should.Throw<InvalidDataException>(() => BenchmarkFile.Read(_path, BenchmarkKind.Lambada)).Message.ShouldContain($"on line 1 {problem};");
    }

    [Fact]
    public void Files_that_are_none_end_in_a_sentence()
    {
        Write("\n\n");
        Refused().ShouldContain("holds no items");
        File.WriteAllBytes(_path, [.. Encoding.UTF8.GetBytes(Good), (byte)'\n', (byte)'"', 0xC3, (byte)'"']);
        Refused().ShouldContain("on line 2 there is text that is not valid UTF-8");
        Write(Good + "\n{\"ctx\": \"" + new string('x', 1_100_000) + "\"}");
        Refused().ShouldContain("on line 2 there are more than 1,048,576 bytes");
        File.WriteAllBytes(_path, new byte[3_000_000]);
        Refused().ShouldContain("on line 1 there are more than 1,048,576 bytes");
        Should.Throw<FileNotFoundException>(() => BenchmarkFile.Read(_path + "x", BenchmarkKind.HellaSwag)).Message.ShouldContain("There is no file");
        Should.Throw<FileNotFoundException>(() => BenchmarkFile.Read(Path.GetTempPath(), BenchmarkKind.HellaSwag)).Message.ShouldContain("is a folder");

        string Refused() => Should.Throw<InvalidDataException>(() => BenchmarkFile.Read(_path, BenchmarkKind.HellaSwag)).Message;
    }

    [Fact]
    public void Lines_longer_than_the_buffer_are_whole()
    {
        string text = new('y', 200_000);
        Write($$"""{"context": "{{text}}", "continuation": "z"}""" + "\n" + """{"context": "x", "continuation": "w"}""");

        BenchmarkFile.Read(_path, BenchmarkKind.Lambada).Select(item => item.Context).ShouldBe([text, "x"]);
    }

    [SharedDataFact("hellaswag/hellaswag_val_1000.jsonl")]
    public void The_published_HellaSwag_sample_is_read_as_is()
    {
        string path = SharedData.Get("hellaswag/hellaswag_val_1000.jsonl");
        IReadOnlyList<BenchmarkItem> items = BenchmarkFile.Read(path, BenchmarkKind.HellaSwag), harness = BenchmarkFile.Read(path, BenchmarkKind.HellaSwagHarness);

        items.CountBy(item => item.Label).OrderBy(pair => pair.Key).Select(pair => pair.Value).ShouldBe([267, 228, 266, 239]);
        items.ShouldAllBe(item => item.Choices.Count == 4);
        harness.Count.ShouldBe(1000);
        harness.ShouldAllBe(item => !item.Context.Contains("[header]"));
    }

    [SharedDataFact("lambada/lambada_openai.jsonl")]
    public void The_published_LAMBADA_is_read_as_is()
    {
        IReadOnlyList<BenchmarkItem> items = BenchmarkFile.Read(SharedData.Get("lambada/lambada_openai.jsonl"), BenchmarkKind.Lambada);

        items.Count.ShouldBe(5153);
        items[0].Choices.ShouldBe([" signs"]);
    }

    private void Write(string text) => File.WriteAllText(_path, text);
}
