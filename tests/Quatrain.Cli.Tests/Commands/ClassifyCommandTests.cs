using System.Globalization;
using System.Text;
using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Inference.Classification;

namespace Quatrain.Cli.Tests.Commands;

[Collection(SpamRunTests.Name)]
public sealed class ClassifyCommandTests(SpamRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_text_gets_its_class_and_how_likely_that_is()
    {
        using TextClassifier classifier = TextClassifier.Load(run.Path);
        Classification expected = classifier.Classify("see you WIN");

        string line = (await CommandLine.Run("classify", run.Path, "see you WIN")).Success();
        Outcome outcome = await CommandLine.Run("classify", run.Path, "see you WIN", "--json");

        line.ShouldBe(string.Create(CultureInfo.InvariantCulture, $"{expected.Label}\t{expected.Probability:F4}\n"));
        JsonElement json = outcome.Json();
        outcome.Error.ShouldBeEmpty();
        TinyRun.Names(json).ShouldBe(["label", "probability", "probabilities", "truncated"]);
        json.GetProperty("label").GetString().ShouldBe(expected.Label);
        json.GetProperty("probability").GetDouble().ShouldBe(expected.Probability);
        json.GetProperty("truncated").GetBoolean().ShouldBeFalse();
        json.GetProperty("probabilities").EnumerateObject().Select(entry => (entry.Name, entry.Value.GetDouble())).ShouldBe([("ham", expected.Probabilities[0]), ("spam", expected.Probabilities[1])]);
    }

    [Fact]
    public async Task The_threshold_moves_the_line_between_the_classes()
    {
        (await CommandLine.Run("classify", run.Path, "anything", "--threshold", "1e-9")).Success().ShouldStartWith("spam\t");
        (await CommandLine.Run("classify", run.Path, "anything", "--threshold", "0.999999999")).Success().ShouldStartWith("ham\t");
    }

    [Fact]
    public async Task Lines_of_standard_input_come_out_in_their_order()
    {
        string[] texts = [.. run.Texts.Select(text => text.Text), "", "tab\there", "ünïcode \U0001F600", new string('x', 200)];
        using TextClassifier classifier = TextClassifier.Load(run.Path);
        Classification[] expected = [.. texts.Select(classifier.Classify)];
        string input = string.Join("\r\n", texts);
        using QuatrainProcess plain = QuatrainProcess.Start(["classify", run.Path], input: input), json = QuatrainProcess.Start(["classify", run.Path, "--json"], input: input + "\n");

        Outcome outcome = await plain.End();

        outcome.Success().ShouldBe(string.Concat(texts.Select((text, i) => string.Create(CultureInfo.InvariantCulture, $"{expected[i].Label}\t{expected[i].Probability:F4}\t{text}\n"))));
        outcome.Error.ShouldMatch(@"^94 texts in \d+\.\d s, [\d,]+ a second: (ham|spam) \d+.*\.\nwarning: 1 of them has more than 48 tokens, so the end was not looked at\.\n$");
        string[] lines = (await json.End()).Success().TrimEnd('\n').Split('\n');
        lines.Length.ShouldBe(texts.Length);
        for (int i = 0; i < lines.Length; i++)
        {
            using JsonDocument document = JsonDocument.Parse(lines[i]);
            document.RootElement.GetProperty("text").GetString().ShouldBe(texts[i]);
            document.RootElement.GetProperty("probability").GetDouble().ShouldBe(expected[i].Probability);
            document.RootElement.GetProperty("truncated").GetBoolean().ShouldBe(expected[i].IsTruncated);
        }
    }

    [Fact]
    public async Task A_labelled_file_tells_how_many_are_right()
    {
        using TextClassifier classifier = TextClassifier.Load(run.Path);
        (string Text, string Label)[] known = [.. run.Texts.Select((text, i) => (text.Text, i % 3 == 0 ? "ham" : "spam"))];
        string file = _folder.WriteText("known.csv", "text,truth\n" + string.Concat(known.Select(text => $"\"{text.Text}\",{text.Label}\n")));
        int right = known.Count(text => classifier.Classify(text.Text).Label == text.Label);

        JsonElement test = (await CommandLine.Run("classify", run.Path, "--input", file, "--label-column", "truth", "--json")).Json().GetProperty("test");
        string shown = (await CommandLine.Run("classify", run.Path, "--input", file, "--label-column", "truth")).Success();

        test.GetProperty("count").GetInt32().ShouldBe(known.Length);
        test.GetProperty("accuracy").GetDouble().ShouldBe((double)right / known.Length);
        shown.ShouldStartWith(string.Create(CultureInfo.InvariantCulture, $"accuracy   {(double)right / known.Length:P2} of {known.Length} texts"));
        string unseen = _folder.WriteText("unseen.csv", "text,truth\nhello,ham\nworld,junk\n");
        (await CommandLine.Run("classify", run.Path, "--input", unseen, "--label-column", "truth")).Refusal().ShouldContain("'junk' on line 3 is not one of the model's");
    }

    [Fact]
    public async Task A_table_is_an_object_a_row_or_one_of_counts_where_json_is_asked_for()
    {
        string file = _folder.WriteText("rows.csv", "text\nsee you WIN\nhello\n"), output = _folder.File("out.csv");

        string[] rows = (await CommandLine.Run("classify", run.Path, "--input", file, "--json")).Success().TrimEnd('\n').Split('\n');
        JsonElement summary = (await CommandLine.Run("classify", run.Path, "--input", file, "--output", output, "--json")).Json();

        rows.Length.ShouldBe(2);
        using JsonDocument row = JsonDocument.Parse(rows[0]);
        row.RootElement.GetProperty("text").GetString().ShouldBe("see you WIN");
        summary.GetProperty("texts").GetInt32().ShouldBe(2);
        summary.GetProperty("counts").EnumerateObject().Sum(entry => entry.Value.GetInt32()).ShouldBe(2);
        File.ReadAllLines(output).Length.ShouldBe(3);
    }

    [Fact]
    public async Task No_lines_are_no_texts()
    {
        using QuatrainProcess process = QuatrainProcess.Start(["classify", run.Path], input: "");

        Outcome outcome = await process.End();

        outcome.Success().ShouldBeEmpty();
        outcome.Error.ShouldBe("There were no texts.\n");
    }

    [Fact]
    public async Task A_table_comes_out_with_two_more_columns_its_rows_and_quotes_as_they_were()
    {
        // More rows than are classified at once, and texts that need quotes.
        StringBuilder csv = new("id,message,note\r\n");
        List<string> texts = [];
        for (int i = 0; i < 600; i++)
        {
            string text = i % 7 == 0 ? $"{run.Texts[i % 90].Text}, \"said\" he\r\nand {i}" : run.Texts[i % 90].Text;
            texts.Add(text);
            csv.Append(CultureInfo.InvariantCulture, $"{i},\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\",\r\n");
        }

        string input = _folder.WriteText("in.csv", csv.ToString()), output = _folder.File("out.csv");
        using TextClassifier classifier = TextClassifier.Load(run.Path);
        Classification[] expected = [.. texts.Select(classifier.Classify)];

        Outcome written = await CommandLine.Run("classify", run.Path, "--input", input, "--output", output);
        Outcome shown = await CommandLine.Run("classify", run.Path, "--input", input);

        written.Success().ShouldBeEmpty();
        written.Error.ShouldStartWith("600 texts in ");
        string all = File.ReadAllText(output);
        shown.Success().ShouldBe(all);
        StringBuilder wanted = new("id,message,note,label,probability\r\n");
        for (int i = 0; i < 600; i++)
        {
            string cell = i % 7 == 0 ? $"\"{texts[i].Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : texts[i];
            wanted.Append(CultureInfo.InvariantCulture, $"{i},{cell},,{expected[i].Label},{expected[i].Probability:F6}\r\n");
        }

        all.ShouldBe(wanted.ToString());
    }

    [Fact]
    public async Task A_table_goes_to_the_standard_output_of_a_process_as_to_a_file()
    {
        using QuatrainProcess process = QuatrainProcess.Start(["classify", run.Path, "--input", run.DataPath]);
        Outcome shown = await process.End();

        (await CommandLine.Run("classify", run.Path, "--input", run.DataPath, "--output", _folder.File("out.csv"))).Success();

        shown.Success().ShouldBe(File.ReadAllText(_folder.File("out.csv")));
        shown.Output.ShouldStartWith("label,text,predicted_label,predicted_probability\n");
    }

    [Fact]
    public async Task Json_lines_stay_json_lines()
    {
        string input = _folder.WriteText("in.jsonl", "{\"id\": 1, \"text\": \"see you\"}\n{\"id\": 2, \"text\": \"WIN\", \"more\": [1.50]}\n");

        string[] lines = (await CommandLine.Run("classify", run.Path, "--input", input)).Success().TrimEnd('\n').Split('\n');

        lines.Length.ShouldBe(2);
        lines[1].ShouldMatch("^{\"id\": 2, \"text\": \"WIN\", \"more\": \\[1\\.50\\], \"label\": \"(ham|spam)\", \"probability\": [01]\\.[0-9]{6}}$");
    }

    [Theory]
    [InlineData("A text and --input exclude each other; give one of them.", "RUN", "a text", "--input", "DATA")]
    [InlineData("--output is for the rows of a table; give --input too.", "RUN", "a text", "--output", "x.csv")]
    [InlineData("The options about columns are for a table; give --input too.", "RUN", "a text", "--text-column", "text")]
    [InlineData("the very file that is read; choose another.", "RUN", "--input", "DATA", "--output", "DATA")]
    [InlineData("is no classifier: it has no classifier.json", "BASE", "a text")]
    [InlineData("There is no folder 'no-such-model'", "no-such-model", "a text")]
    [InlineData("There is no folder 'no/such/folder/at/all'", "no/such/folder/at/all", "a text")]
    [InlineData("/basr'; did you mean '", "BASR", "a text")]
    [InlineData("no such.csv", "RUN", "--input", "no such.csv")]
    [InlineData("has no column 'sms'; it has", "RUN", "--input", "DATA", "--text-column", "sms")]
    [InlineData("--format is 'xls'; it must be csv, tsv or jsonl.", "RUN", "--input", "DATA", "--format", "xls")]
    [InlineData("does not exist; create the folder first", "RUN", "--input", "DATA", "--output", "no-such-folder/out.csv")]
    [InlineData("The threshold is 1.5; it must be a probability above 0 and below 1.", "RUN", "a text", "--threshold", "1.5")]
    [InlineData("--weights is 'fp4'; it must be", "RUN", "a text", "--weights", "fp4")]
    [InlineData("which is no adapter; leave it out.", "RUN", "a text", "--base", "BASE")]
    public async Task Refuses_what_it_can_not_use(string sentence, params string[] arguments)
    {
        string[] given = [.. arguments.Select(word => word switch { "BASE" => run.BasePath, "BASR" => run.BasePath[..^1] + "r", "DATA" => run.DataPath, "RUN" => run.Path, _ => word })];
        string before = TemporaryFolder.Snapshot(run.Path);

        (await CommandLine.Run(["classify", .. given])).Refusal().ShouldContain(sentence);

        TemporaryFolder.Snapshot(run.Path).ShouldBe(before);
    }

    [Theory]
    [InlineData("text\n\"a\nb\n", "line")]
    [InlineData("", "holds no rows")]
    public async Task A_table_that_is_damaged_leaves_no_output(string csv, string sentence)
    {
        string input = _folder.WriteText("in.csv", csv);

        (await CommandLine.Run("classify", run.Path, "--input", input, "--output", _folder.File("out.csv"))).Refusal().ShouldContain(sentence);

        Directory.EnumerateFiles(_folder.Path).ShouldHaveSingleItem().ShouldBe(input);
    }
}
