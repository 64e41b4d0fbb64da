using Quatrain.Tests;
using Quatrain.Training.FineTuning.Data;

namespace Quatrain.Training.Tests.FineTuning.Data;

public sealed class LabeledTextFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.csv", "label,text\nham,hi\nspam,win\n")]
    [InlineData("a.csv", "text,label\r\nhi,ham\r\nwin,spam\r\n")]
    [InlineData("a.csv", "\uFEFFlabel,text\nham,hi\nspam,win")]
    [InlineData("a.csv", "label;text\nham;hi\nspam;win\n")]
    [InlineData("a.csv", "id,Category,Message\n1,ham,hi\n2,spam,win\n")]
    [InlineData("a.csv", "v1,v2,,,\nham,hi,,,\nspam,win,,,\n")]
    [InlineData("a.csv", "\"label\",\"text\"\n\n\"ham\",\"hi\"\n\n\"spam\",\"win\"\n")]
    [InlineData("a.tsv", "label\ttext\nham\thi\nspam\twin\n")]
    [InlineData("a.tsv", "\"label\"\t\"text\"\n\"ham\"\t\"hi\"\nspam\twin\n")]
    [InlineData("a.txt", "label\ttext\nham\thi\nspam\twin\n")]
    [InlineData("a.txt", "label,text\nham,hi\nspam,win\n")]
    [InlineData("a.jsonl", "{\"text\":\"hi\",\"label\":\"ham\"}\n{\"label\":\"spam\",\"text\":\"win\"}\n")]
    [InlineData("a.data", " \r\n{\"sentence\": \"h\\u0069\", \"class\": \"ham\", \"more\": [1]}\r\n\r\n{\"sentence\": \"win\", \"class\": \"spam\"}")]
    public void Columns_are_found_by_known_names(string name, string content)
    {
        LabeledTexts texts = LabeledTextFile.Load(_folder.WriteText(name, content));

        texts.Examples.Select(example => (example.Label, example.Text)).ShouldBe([("ham", "hi"), ("spam", "win")]);
        texts.Labels.ShouldBe(["ham", "spam"]);
        texts.ClassCounts.ShouldBe([1, 1]);
        texts.EmptyTexts.ShouldBe(0);
    }

    [Fact]
    public void What_was_found_is_told()
    {
        LabeledTexts table = Load("a.csv", "id,v1,v2\n1,ham,hi\n2,spam,win\n");
        (table.TextColumnName, table.LabelColumnName, table.HasHeader, table.Format).ShouldBe(("v2", "v1", true, TableFormat.Csv));

        LabeledTexts lines = Load("a.jsonl", "{\"review\":\"hi\",\"label\":0}\n{\"review\":\"win\",\"label\":1}\n");
        (lines.TextColumnName, lines.LabelColumnName, lines.HasHeader, lines.Format).ShouldBe(("review", "label", false, TableFormat.JsonLines));
        lines.Labels.ShouldBe(["0", "1"]);

        LabeledTexts plain = Load("a.tsv", "a\thello there\nb\tgood bye\na\tgood day\nb\tgone away\nb\tsee you\n");
        (plain.TextColumnName, plain.LabelColumnName, plain.HasHeader, plain.Format).ShouldBe(("2", "1", false, TableFormat.Tsv));
        plain.Examples.Count.ShouldBe(5);
        Load("a.tsv", "a\thello there\nb\tgood bye\n", new() { TextColumn = plain.TextColumnName, LabelColumn = plain.LabelColumnName }).Examples.Count.ShouldBe(2);
    }

    [Fact]
    public void A_header_of_unknown_names_is_found_because_labels_come_again()
    {
        LabeledTexts texts = Load("a.csv", "what it says,what it is\nhello there,a\ngood bye,b\ngood day,a\ngone away,b\n");

        (texts.TextColumnName, texts.LabelColumnName, texts.HasHeader).ShouldBe(("what it says", "what it is", true));
        texts.Examples.Count.ShouldBe(4);
    }

    [Fact]
    public void Columns_are_named_or_numbered()
    {
        const string table = "kind,first,second\na,one,two\nb,three,four\n";

        Texts(Load("a.csv", table, new() { TextColumn = "second", LabelColumn = "KIND" })).ShouldBe(["two", "four"]);
        Texts(Load("a.csv", table, new() { TextColumn = "2", LabelColumn = "1", HasHeader = true })).ShouldBe(["one", "three"]);
        Texts(Load("a.csv", table, new() { TextColumn = "2", LabelColumn = "1", HasHeader = false })).ShouldBe(["first", "one", "three"]);
        Texts(Load("a.jsonl", "{\"q\":\"one\",\"k\":\"a\"}\n{\"q\":\"two\",\"k\":\"b\"}", new() { TextColumn = "q", LabelColumn = "k" })).ShouldBe(["one", "two"]);
    }

    [Fact]
    public void A_format_of_ones_own_choice_is_taken() =>
        Texts(Load("a.csv", "label\ttext\na\tx, y\nb\tz\n", new() { Format = TableFormat.Tsv })).ShouldBe(["x, y", "z"]);

    [Fact]
    public void Quotes_hold_separators_line_breaks_and_quotes()
    {
        LabeledTexts texts = Load("a.csv", "text,label\n\"one, \"\"two\"\"\r\nthree\",a\n\"\nfour\",b\nfive \"5\" six,a\n");

        Texts(texts).ShouldBe(["one, \"two\"\r\nthree", "\nfour", "five \"5\" six"]);
        texts.Examples.Select(example => example.Line).ShouldBe([2, 4, 6]);
    }

    [Fact]
    public void Stray_quotes_of_a_tab_separated_file_stay_as_they_are()
    {
        LabeledTexts texts = Load("a.tsv", "a\t\"Hi\" he said\nb\t\"never closed\na\t5\" wide\nb\t\"whole\"\n");

        Texts(texts).ShouldBe(["\"Hi\" he said", "\"never closed", "5\" wide", "\"whole\""]);
    }

    [Fact]
    public void Enclosing_quotes_of_a_tab_separated_file_are_taken_off() =>
        Texts(Load("a.tsv", "a\t\"tab\there\"\nb\t\"\"\"whole\"\"\nlines\"\na\tplain\nb\tplain\n")).ShouldBe(["tab\there", "\"whole\"\nlines", "plain", "plain"]);

    [Fact]
    public void Rows_without_text_are_left_out_and_counted()
    {
        LabeledTexts texts = Load("a.csv", "label,text\na,x\nb,\na,  \nb,y\n");

        Texts(texts).ShouldBe(["x", "y"]);
        (texts.EmptyTexts, texts.FirstEmptyTextLine).ShouldBe((2, 3L));
    }

    [Fact]
    public void Labels_lose_their_white_space_and_stand_in_ordinal_order()
    {
        LabeledTexts texts = Load("a.csv", "label,text\n b ,1\nB,2\nä,3\na,4\nb,5\n");

        texts.Labels.ShouldBe(["B", "a", "b", "ä"]);
        texts.ClassCounts.ShouldBe([1, 1, 2, 1]);
        texts.ClassOf("b").ShouldBe(2);
        texts.ClassOf("c").ShouldBe(-1);
    }

    [Fact]
    public void Labels_are_numbered_as_a_models_are()
    {
        LabeledTexts texts = Load("a.csv", "label,text\nb,x\na,y\n");

        texts.NumberedBy(["b", "c", "a"]).ShouldBe([("x", 0), ("y", 2)]);
        Should.Throw<InvalidDataException>(() => texts.NumberedBy(["b", "c"])).Message
            .ShouldBe("The label 'a' on line 3 is not one of the model's, which are 'b', 'c'; correct the label, or train with it.");
    }

    [Theory]
    [InlineData("a.csv", "text,label\na,x\n", "Every text of '*' has the label 'x'; a classifier needs two labels at least, so add texts of another, or choose the column with --label-column.")]
    [InlineData("a.csv", "text,other,more\na,x,1\n", "'*' does not show which column holds the labels; it has the columns 'text', 'other', 'more': choose one with --label-column.")]
    [InlineData("a.csv", "1,2\n3,4\n", "'*' does not show which column holds the labels; it has 2 columns without names, numbered from 1, the first row being '1', '2': choose one with --label-column.")]
    [InlineData("a.csv", "text,label\na,x\n\nb,y,z\n", "'*' can't be used: on line 4 there is a row of 3 columns, but the first row has 2; put quotes around text with separators in it.")]
    [InlineData("a.tsv", "label\ttext\na\n", "'*' can't be used: on line 2 there is a row of 1 column, but the first row has 2; take the tabs out of the text.")]
    [InlineData("a.csv", "text,label\na,x\nb,\n", "'*' can't be used: on line 3 there is no label in column 'label'; write one, or take the row out.")]
    [InlineData("a.csv", "text,label\na,x\n\"b,y\nc,z\n", "'*' can't be used: on line 3 there is a quote that is never closed, or text after the quote that closes a cell; write each quote in a quoted cell twice, and close the cell.")]
    [InlineData("a.csv", "text,label\n\"a\"b,x\nc,y\n", "'*' can't be used: on line 2 there is a quote that is never closed, or text after the quote that closes a cell; write each quote in a quoted cell twice, and close the cell.")]
    [InlineData("a.csv", "text,label,x\na\"b,x,\"\nc,y,z\n", "'*' can't be used: on line 2 there is a quote that is never closed, or text after the quote that closes a cell; write each quote in a quoted cell twice, and close the cell.")]
    [InlineData("a.csv", "text,label\na\0,x\n", "'*' can't be used: on line 2 there is a NUL byte; name a file of text.")]
    [InlineData("a.csv", "", "'*' holds no rows; name a file with texts in it.")]
    [InlineData("a.csv", "\n\r\n", "'*' holds no rows; name a file with texts in it.")]
    [InlineData("a.csv", "text,label\n", "'*' holds no rows; name a file with texts in it.")]
    [InlineData("a.csv", "text,label\n ,x\n,y\n", "Column 'text' of '*' holds no text in any row; choose another with --text-column.")]
    [InlineData("a.jsonl", "[{\"text\":\"a\"}]", "'*' holds a JSON array; write one object a line (JSON lines).")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"label\":2}\n", "'*' can't be used: on line 2 the field 'text' is absent or no text; give every object its text.")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":[\"b\"],\"label\":2}\n", "'*' can't be used: on line 2 the field 'text' is absent or no text; give every object its text.")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\"}\n", "'*' can't be used: on line 2 there is no label in column 'label'; write one, or take the row out.")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"label\":1}\n{\"text\":\"b\",\n", "'*' can't be used: on line 2 there is no valid JSON object; write one object a line, such as {\"text\": \"...\", \"label\": \"...\"}.")]
    [InlineData("a.jsonl", "{\"text\":\"a\",\"text\":1}\n", "'*' can't be used: on line 1 there is no valid JSON object; write one object a line, such as {\"text\": \"...\", \"label\": \"...\"}.")]
    [InlineData("a.jsonl", "{\"text\":\"\\ud800\",\"label\":1}\n", "'*' can't be used: on line 1 there is text that is not valid Unicode; write only whole surrogate pairs.")]
    [InlineData("a.jsonl", "7\n", "'*' can't be used: on line 1 there is no JSON object; write one object a line, such as {\"text\": \"...\", \"label\": \"...\"}.")]
    [InlineData("a.jsonl", "{}\n", "'*' can't be used: on line 1 there is an object of 0 fields; write objects such as {\"text\": \"...\", \"label\": \"...\"}.")]
    public void Bad_files_are_refused_in_one_sentence(string name, string content, string expected)
    {
        string path = _folder.WriteText(name, content);

        Should.Throw<InvalidDataException>(() => LabeledTextFile.Load(path)).Message.ShouldBe(expected.Replace("*", path, StringComparison.Ordinal));
    }

    [Fact]
    public void Columns_that_are_not_there_are_refused()
    {
        Refusal("text,label\na,x\n", new() { TextColumn = "Text2" }).ShouldEndWith("has no column 'Text2'; it has the columns 'text', 'label': choose one with --text-column.");
        Refusal("text,label\na,x\n", new() { LabelColumn = "3" }).ShouldEndWith("has no column '3'; it has the columns 'text', 'label': choose one with --label-column.");
        Refusal("text,label\na,x\n", new() { TextColumn = "label", LabelColumn = "label" })
            .ShouldEndWith("can't hold both the texts and the labels; name two columns with --text-column and --label-column.");
        Refusal("one\ntwo\n", new()).ShouldContain("it has 1 column without a name");
    }

    [Fact]
    public void What_is_not_a_text_file_is_refused()
    {
        string nowhere = _folder.File("none.csv");
        Should.Throw<InvalidDataException>(() => LabeledTextFile.Load(nowhere)).Message.ShouldBe($"There is no file '{nowhere}'; check the path.");
        Should.Throw<InvalidDataException>(() => LabeledTextFile.Load(_folder.Path)).Message.ShouldBe($"'{_folder.Path}' is a folder; name a file of texts.");
        string latin = _folder.WriteBytes("latin.csv", [.. "text,label\n"u8, 0xA3, .. ",x\n"u8]);
        Should.Throw<InvalidDataException>(() => LabeledTextFile.Load(latin)).Message
            .ShouldBe($"'{latin}' can't be used: on line 2 there is text that is not valid UTF-8; convert the file to UTF-8.");
        string wide = _folder.WriteBytes("wide.csv", [0xFF, 0xFE, 0x61, 0x00]);
        Should.Throw<InvalidDataException>(() => LabeledTextFile.Load(wide)).Message.ShouldBe($"'{wide}' is UTF-16 text; save it as UTF-8.");
    }

    [SharedDataFact("sms-spam/SMSSpamCollection.tsv")]
    public void The_sms_collection_is_read_row_by_row()
    {
        string path = SharedData.Get("sms-spam/SMSSpamCollection.tsv");

        LabeledTexts texts = LabeledTextFile.Load(path);

        texts.Labels.ShouldBe(["ham", "spam"]);
        texts.ClassCounts.ShouldBe([4827, 747]);
        (texts.TextColumnName, texts.LabelColumnName, texts.HasHeader, texts.EmptyTexts).ShouldBe(("2", "1", false, 0));
        // Quotes and all, as the lines are.
        texts.Examples.Select(example => $"{example.Label}\t{example.Text}").ShouldBe(File.ReadAllLines(path));
        texts.Examples[^1].Line.ShouldBe(5574);
    }

    private static string[] Texts(LabeledTexts texts) => [.. texts.Examples.Select(example => example.Text)];

    private LabeledTexts Load(string name, string content, LabeledTextOptions? options = null) => LabeledTextFile.Load(_folder.WriteText(name, content), options);

    private string Refusal(string content, LabeledTextOptions options) => Should.Throw<InvalidDataException>(() => Load("a.csv", content, options)).Message;
}
