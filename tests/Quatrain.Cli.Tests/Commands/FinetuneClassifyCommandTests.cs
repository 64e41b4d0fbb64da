using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models.Gpt2;
using Quatrain.Training.Tests.FineTuning;

namespace Quatrain.Cli.Tests.Commands;

[Collection(SpamRunTests.Name)]
public sealed class FinetuneClassifyCommandTests(SpamRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Out => _folder.File("run");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Its_json_has_the_numbers_under_the_names_that_were_promised()
    {
        JsonElement json = run.Training.Json(), test = json.GetProperty("test");

        foreach (string name in (string[])["accuracy", "f1", "roc_auc", "precision", "recall"])
        {
            test.GetProperty(name).ValueKind.ShouldBeOneOf(JsonValueKind.Number, JsonValueKind.Null);
        }

        test.GetProperty("accuracy").GetDouble().ShouldBeInRange(0, 1);
        test.GetProperty("roc_auc").GetDouble().ShouldBeInRange(0, 1);
        test.GetProperty("count").GetInt32().ShouldBe(18);
        json.GetProperty("seconds").GetDouble().ShouldBeGreaterThan(0);
        json.GetProperty("seconds_per_epoch").GetDouble().ShouldBeGreaterThan(0);
        json.GetProperty("interrupted").GetBoolean().ShouldBeFalse();
        json.GetProperty("folder").GetString().ShouldBe(run.Path);
        json.GetProperty("positive").GetString().ShouldBe("spam");
        json.GetProperty("threshold").GetProperty("wish").GetDouble().ShouldBe(0.2);
        json.GetProperty("baseline").GetProperty("test").GetProperty("accuracy").GetDouble().ShouldBeInRange(0, 1);
        json.GetProperty("data").GetProperty("parts").GetProperty("test").GetProperty("spam").GetInt32().ShouldBe(6);
        json.GetProperty("trained_parameters").GetInt64().ShouldBe(json.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public void It_leaves_classifier_and_report_in_the_run_folder_and_tells_of_its_data()
    {
        Directory.EnumerateFiles(run.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal).ShouldBe(
            ["classifier.json", "config.json", "finetuning.json", "merges.txt", "metrics.jsonl", "model.safetensors", "report.html", "report.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"]);
        Directory.EnumerateFiles(Path.Combine(run.Path, "state")).Select(Path.GetFileName).Order(StringComparer.Ordinal).ShouldBe(["best.safetensors", "last.safetensors"]);
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(Path.Combine(run.Path, "report.json")));
        report.RootElement.GetProperty("test").GetRawText().ShouldContain("\"accuracy\"");
        run.Training.Error.ShouldStartWith("Text from 'text', label from 'label': 63 texts to train on, 9 to validate, 18 to test; ham, spam.\n");
        run.Training.Error.ShouldContain($"\nRun folder {run.Path}\n");
        run.Training.Error.ShouldMatch(@"\nneeds \d+\.\d GB of \d+\.\d GB of memory\n");
        run.Training.Error.ShouldNotContain("warning");
        run.Training.Error.ShouldMatch(@"step +\d+: validation loss \d\.\d{4} nats/text, \d+\.\d %.* right");
    }

    [Fact]
    public async Task Without_json_a_person_reads_what_came_of_it_and_what_to_do_with_it()
    {
        string output = (await CommandLine.Run(run.Arguments(Out, "--train", "head", "--cache", "memory"))).Success();

        output.ShouldContain("Test part, 18 texts the classifier has not seen:");
        output.ShouldMatch(@"  accuracy   \d+\.\d\d % \(95 % interval");
        output.ShouldContain("  beside it  ");
        output.ShouldContain($"  quatrain classify {Out} \"a text\"\n");
        output.ShouldContain($"Report: {Path.Combine(Out, "report.html")}\n");
        // It was trained without a threshold, and knows what is looked for: the rarer class.
        foreach ((string threshold, string label) in new[] { ("0.000001", "spam"), ("0.999999", "ham") })
        {
            (await CommandLine.Run("classify", Out, "see you", "--threshold", threshold)).Success().ShouldStartWith($"{label}\t");
        }
    }

    [Fact]
    public async Task Texts_that_are_empty_doubled_or_cut_are_warned_of()
    {
        // Nine times the same, so that some lie in different parts, and three rows without a text.
        string data = _folder.WriteText("spam.csv", SpamTexts.Csv(run.Texts) + string.Concat(Enumerable.Repeat("ham,all the same\n", 9)) + "ham,\nspam,\"  \"\nham,\n");

        string error = (await CommandLine.Run(
            "finetune", "classify", run.BasePath, "--data", data, "--out", Out, "--epochs", "1", "--max-length", "20", "--no-baseline", "--threads", "1", "--json")).Error;

        error.ShouldContain("\nwarning: 3 rows have no text and are left out.\n");
        error.ShouldMatch("\nwarning: [0-9]+ texts have more than 20 tokens and are cut\\.\n");
        error.ShouldContain("\nwarning: 1 text lies in more than one part, which flatters the result.\n");
    }

    [Fact]
    public async Task Adapters_stay_beside_their_base()
    {
        JsonElement json = (await CommandLine.Run(run.Arguments(Out, "--train", "lora", "--lora-rank", "2", "--lora-targets", "c_attn", "mlp.c_fc", "--no-baseline", "--json"))).Json();

        json.GetProperty("trained_parameters").GetInt64().ShouldBe(2 * 2 * (16 + 48 + 16 + 64) + 2 * 16);
        json.GetProperty("baseline").ValueKind.ShouldBe(JsonValueKind.Null);
        File.Exists(Path.Combine(Out, "model.safetensors")).ShouldBeFalse();
        (await CommandLine.Run("classify", Out, "WIN now", "--json")).Json().GetProperty("label").GetString().ShouldBeOneOf("ham", "spam");
        (await CommandLine.Run("classify", Out, "WIN now", "--base", run.BasePath)).Success().ShouldMatch("^(ham|spam)\t");
        (await CommandLine.Run("generate", Out, "--prompt", "a")).Refusal().ShouldContain("is no language model");
    }

    [Theory]
    [InlineData("There is no MODEL to start from; name a run folder, or a pulled model such as gpt2.", "--data", "DATA")]
    [InlineData("There are no labelled texts; name a file with --data.", "BASE")]
    [InlineData("There is no file or folder 'no-such-model'", "no-such-model", "--data", "DATA")]
    [InlineData("no such.csv", "BASE", "--data", "no such.csv")]
    [InlineData("has no column 'sms'; it has", "BASE", "--data", "DATA", "--text-column", "sms")]
    [InlineData("has no column 'kind'; it has", "BASE", "--data", "DATA", "--label-column", "kind")]
    [InlineData("can't hold both the texts and the labels", "BASE", "--data", "DATA", "--label-column", "text", "--text-column", "text")]
    [InlineData("--pooling is 'max'; it must be last-token, last-position, mean.", "BASE", "--data", "DATA", "--pooling", "max")]
    [InlineData("--train is 'some'; it must be head, last-K with a number of blocks such as last-1, all or lora.", "BASE", "--data", "DATA", "--train", "some")]
    [InlineData("the model has 2 blocks; choose at most last-2, or all.", "BASE", "--data", "DATA", "--train", "last-7")]
    [InlineData("--too-long is 'ignore'; it must be truncate or refuse.", "BASE", "--data", "DATA", "--too-long", "ignore")]
    [InlineData("have more than 10 tokens; shorten them, or leave out --too-long refuse to cut them.", "BASE", "--data", "DATA", "--too-long", "refuse", "--max-length", "10")]
    [InlineData("--cache is 'nowhere'; it must be auto, memory, disk or off.", "BASE", "--data", "DATA", "--cache", "nowhere")]
    [InlineData("--format is 'xls'; it must be csv, tsv or jsonl.", "BASE", "--data", "DATA", "--format", "xls")]
    [InlineData("--positive is 'eggs', which is none of the labels (ham, spam); choose one of them.", "BASE", "--data", "DATA", "--positive", "eggs")]
    [InlineData("--max-false-positive-rate is 7; it must lie between 0 and 1.", "BASE", "--data", "DATA", "--max-false-positive-rate", "7")]
    [InlineData("--max-length is 1000; the model reads at most 48 tokens.", "BASE", "--data", "DATA", "--max-length", "1000")]
    [InlineData("--epochs is 0; it must be between 1 and 100000.", "BASE", "--data", "DATA", "--epochs", "0")]
    [InlineData("--learning-rate is 2; it must be above 0 and below 1.", "BASE", "--data", "DATA", "--learning-rate", "2")]
    [InlineData("--lora-rank is for adapters; give --train lora too.", "BASE", "--data", "DATA", "--lora-rank", "4")]
    [InlineData("--lora-alpha is for adapters; give --train lora too.", "BASE", "--data", "DATA", "--lora-alpha", "4")]
    [InlineData("--lora-dropout is for adapters; give --train lora too.", "BASE", "--data", "DATA", "--lora-dropout", "0.1", "--train", "all")]
    [InlineData("--lora-targets is for adapters; give --train lora too.", "BASE", "--data", "DATA", "--lora-targets", "c_attn")]
    [InlineData("The LoRA rank is 0; it must lie between 1 and 8192.", "BASE", "--data", "DATA", "--train", "lora", "--lora-rank", "0")]
    [InlineData("--resume needs the run's folder; name it with --out.", "--resume")]
    [InlineData("so there is no run to resume", "--resume", "--out", "nowhere")]
    [InlineData("--resume takes every option from the run; leave --epochs out", "--resume", "--out", "RUN", "--epochs", "9")]
    [InlineData("--resume takes every option from the run; leave --train out", "--resume", "--out", "RUN", "--train", "all")]
    [InlineData("--resume takes the model from the run; leave MODEL out", "BASE", "--resume", "--out", "RUN")]
    [InlineData("already holds a run; add --resume to go on with it, or choose another --out.", "BASE", "--data", "DATA", "--out", "RUN")]
    public async Task Refuses_what_it_can_not_use(string sentence, params string[] arguments)
    {
        string[] given = [.. arguments.Select(word => word switch { "BASE" => run.BasePath, "DATA" => run.DataPath, "RUN" => run.Path, _ => word })];
        string[] folder = given.Contains("--out") || given.Contains("--resume") ? [] : ["--out", Out];

        (await CommandLine.Run(["finetune", "classify", .. given, .. folder])).Refusal().ShouldContain(sentence);

        Directory.Exists(Out).ShouldBeFalse();
    }

    [Theory]
    [InlineData("label,text\nham,a\nham,b\n", "a classifier needs two labels at least")]
    [InlineData("label,text\nham,\nspam,\n", "holds no text in any row")]
    [InlineData("label,text\n", "holds no rows")]
    [InlineData("", "holds no rows")]
    [InlineData("label,text\nham,a\n,b\n", "there is no label in column 'label'")]
    [InlineData("label,text\nham,a\nspam,b\n", "has only 1 texts, but each needs 10 at least to be in every part")]
    [InlineData("label,text\nham,a\nspam,\"b\n", "line")]
    public async Task Refuses_data_it_can_not_learn_from(string csv, string sentence)
    {
        string data = _folder.WriteText("data.csv", csv);

        (await CommandLine.Run("finetune", "classify", run.BasePath, "--data", data, "--out", Out)).Refusal().ShouldContain(sentence);

        Directory.Exists(Out).ShouldBeFalse();
    }

    [Fact]
    public async Task A_run_that_is_done_can_be_resumed_and_ends_as_it_did()
    {
        TemporaryFolder.Copy(run.Path, Out);
        byte[] weights = File.ReadAllBytes(Path.Combine(Out, "model.safetensors"));
        File.Delete(Path.Combine(Out, "model.safetensors"));

        JsonElement json = (await CommandLine.Run("finetune", "classify", "--out", Out, "--resume", "--json")).Json();

        json.GetProperty("test").GetRawText().ShouldBe(run.Training.Json().GetProperty("test").GetRawText());
        File.ReadAllBytes(Path.Combine(Out, "model.safetensors")).ShouldBe(weights);
    }

    [Fact]
    public async Task A_run_of_another_task_is_not_resumed()
    {
        TemporaryFolder.Copy(run.Path, Out);

        (await CommandLine.Run("finetune", "instruct", "--out", Out, "--resume")).Refusal().ShouldContain("does not describe a run of quatrain finetune instruct");
    }

    [Fact]
    public async Task A_loss_that_is_no_number_fails_with_one_sentence()
    {
        string broken = SpamTexts.WriteModel(_folder.File("broken"));
        using (Gpt2Model model = Gpt2Checkpoint.Load(broken))
        {
            // Finite, but not what comes of it.
            model.Parameters.Parameters.Single(parameter => parameter.Name == "h.1.mlp.c_fc.weight").Tensor.Values.Fill(3e38f);
            Gpt2Checkpoint.Save(broken, model);
        }

        (await CommandLine.Run("finetune", "classify", broken, "--data", run.DataPath, "--out", Out)).Failure().ShouldContain("became NaN or infinite");
    }

    [Fact]
    public async Task A_classifier_can_generate_as_its_model_could() =>
        (await CommandLine.Run("generate", run.Path, "--prompt", "see you", "--max-tokens", "4", "--json")).Json().GetProperty("ids").GetArrayLength().ShouldBe(4);
}
