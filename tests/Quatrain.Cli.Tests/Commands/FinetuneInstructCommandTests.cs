using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Inference.Tests;
using Quatrain.Models.Adapters;

namespace Quatrain.Cli.Tests.Commands;

public sealed class FinetuneInstructCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;
    private readonly string _data;

    public FinetuneInstructCommandTests()
    {
        _model = ChatModel.Write(_folder.File("base"), style: null, contextLength: 64);
        _data = _folder.WriteText("words.jsonl", string.Concat(Enumerable.Range(0, 40).Select(i => $$"""{"instruction": "Say {{i}}", "output": "the {{i % 7}}"}""" + "\n")));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("all")]
    [InlineData("last-1")]
    [InlineData("lora")]
    public async Task What_it_leaves_can_be_chatted_with(string part)
    {
        JsonElement json = (await Finetune("--train", part, "--json")).Json();

        TinyRun.Names(json).ShouldBe([
            "interrupted", "folder", "steps", "best_step", "val_loss_before", "val_loss", "test_loss_before", "test_loss", "seconds", "seconds_per_epoch",
            "parameters", "trained_parameters", "optimizer_bytes", "activation_bytes", "samples"]);
        json.GetProperty("interrupted").GetBoolean().ShouldBeFalse();
        json.GetProperty("steps").GetInt32().ShouldBe(10);
        json.GetProperty("val_loss").GetDouble().ShouldBeLessThan(json.GetProperty("val_loss_before").GetDouble());
        json.GetProperty("test_loss").GetDouble().ShouldBeLessThan(json.GetProperty("test_loss_before").GetDouble());
        (json.GetProperty("trained_parameters").GetInt64() < json.GetProperty("parameters").GetInt64()).ShouldBe(part != "all");
        JsonElement sample = json.GetProperty("samples").EnumerateArray().ShouldHaveSingleItem();
        TinyRun.Names(sample).ShouldBe(["prompt", "expected", "before", "after"]);
        sample.GetProperty("prompt").GetString()!.ShouldStartWith("Say ");

        // The model says after training what the chat says then.
        using QuatrainProcess chat = QuatrainProcess.Start(
            ["chat", _folder.File("run"), "--temperature", "0", "--max-tokens", "128", "--threads", "1", "--json"], input: sample.GetProperty("prompt").GetString());
        JsonElement reply = (await chat.End()).Json();
        reply.GetProperty("text").GetString().ShouldBe(sample.GetProperty("after").GetString());
        AdapterFolder.IsAt(_folder.File("run")).ShouldBe(part == "lora");
        File.Exists(_folder.File("run/chat.json")).ShouldBeTrue();
    }

    [Fact]
    public async Task A_person_reads_answers_losses_and_what_comes_next()
    {
        Outcome outcome = await Finetune();

        string output = outcome.Success();
        output.ShouldContain("Instruction: Say ");
        output.ShouldContain("  expected:  the ");
        output.ShouldMatch(@"Validation loss \d+\.\d{4} before, \d+\.\d{4} after; test loss \d+\.\d{4} before, \d+\.\d{4} after \(nats/token\)\.");
        output.ShouldEndWith($"What to try next:\n  quatrain chat {_folder.File("run")}\n");
        outcome.Error.ShouldContain("34 entries to train on, 2 to validate, 4 to test; ");
        outcome.Error.ShouldContain($"Run folder {_folder.File("run")}\n");
        outcome.Error.ShouldMatch(@"\nneeds \d+\.\d GB of \d+\.\d GB of memory\n");

        // All of it again, from the saved state.
        Outcome again = await CommandLine.Run("finetune", "instruct", "--out", _folder.File("run"), "--resume", "--threads", "1");
        Untimed(again.Success()).ShouldBe(Untimed(output));

        static string Untimed(string text) => string.Join('\n', text.Split('\n').Where(line => !line.Contains(" steps in ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task All_tokens_or_shorter_entries_can_be_learned()
    {
        (await Finetune("--loss-on", "all", "--epochs", "1")).Error.ShouldMatch(@"test; (\d+) of \1 training tokens are learned\.");

        // The prompts have 24 or 25 tokens, the replies 3.
        Outcome outcome = await Finetune("--max-length", "26", "--epochs", "1", "--out", _folder.File("cut"));
        outcome.Success();
        outcome.Error.ShouldMatch(@"warning: 40 entries have more than 26 tokens and are cut, 0 have no reply within them and are left out\.");
    }

    [Fact]
    public async Task A_run_is_found_from_another_folder()
    {
        string relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), _model);
        (await CommandLine.Run("finetune", "instruct", relative, "--data", _data, "--out", _folder.File("run"), "--style", "plain", "--epochs", "1", "--samples", "0", "--train", "lora", "--threads", "1")).Success();

        using JsonDocument description = JsonDocument.Parse(File.ReadAllBytes(_folder.File("run/finetuning.json")));
        description.RootElement.GetProperty("options").GetProperty("model").GetString().ShouldBe(_model);
    }

    [Theory]
    [InlineData("--loss-on is 'x'; it must be replies or all.", "--loss-on", "x")]
    [InlineData("--too-long is 'x'; it must be truncate or refuse.", "--too-long", "x")]
    [InlineData("--train is 'head', and a language model's head is its token table; choose last-K, all or lora.", "--train", "head")]
    [InlineData("--train is last-3, and the model has 2 blocks; choose at most last-2, or all.", "--train", "last-3")]
    [InlineData("--cache is 'x'; it must be auto, memory, disk or off.", "--cache", "x")]
    [InlineData("--lora-rank is for adapters; give --train lora too.", "--lora-rank", "4")]
    [InlineData("The LoRA rank is 0; it must lie between 1 and 8192.", "--train", "lora", "--lora-rank", "0")]
    [InlineData("--max-length is 65; the model reads at most 64 tokens.", "--max-length", "65")]
    [InlineData("--samples is -1; it must lie between 0 and 1000.", "--samples", "-1")]
    [InlineData("--learning-rate is 2; it must be above 0 and below 1.", "--learning-rate", "2")]
    [InlineData("The prompt style 'alpaca' has no place for a system text; leave it out, or choose another style.", "--style", "alpaca", "--system", "x")]
    public async Task What_is_impossible_is_one_sentence_and_leaves_nothing(string sentence, params string[] options)
    {
        (await Finetune(options)).Refusal().ShouldBe(sentence);
        Directory.Exists(_folder.File("run")).ShouldBeFalse();
    }

    [Fact]
    public async Task What_is_too_long_or_missing_or_changed_is_one_sentence()
    {
        (await Finetune("--max-length", "24", "--too-long", "refuse")).Refusal().ShouldMatch(
            @"^Line \d+ of '.*words\.jsonl' has \d+ tokens before its last, and at most 24 are read; shorten it, or leave out --too-long refuse to cut it\.$");
        (await CommandLine.Run("finetune", "instruct")).Refusal().ShouldStartWith("There is no MODEL to start from;");
        (await CommandLine.Run("finetune", "instruct", _model)).Refusal().ShouldBe("There are no instructions; name a file with --data.");
        (await Finetune("--data", _folder.File("none"))).Refusal().ShouldContain("There is no file");

        (await Finetune("--epochs", "1")).Success();
        (await Finetune()).Refusal().ShouldBe($"'{_folder.File("run")}' already holds a run; add --resume to go on with it, or choose another --out.");
        File.AppendAllText(_data, "\n");
        (await CommandLine.Run("finetune", "instruct", "--out", _folder.File("run"), "--resume")).Refusal()
            .ShouldBe($"'{_data}' is not what the run was begun with; restore it, or begin a new run.");
        (await CommandLine.Run("finetune", "instruct", "--out", _folder.File("run"), "--resume", "--epochs", "2")).Refusal()
            .ShouldBe("--resume takes every option from the run; leave --epochs out, or begin a new run in another --out.");
        (await CommandLine.Run("finetune", "classify", "--out", _folder.File("run"), "--resume")).Refusal().ShouldContain("does not describe a run of quatrain finetune classify");
    }

    private Task<Outcome> Finetune(params string[] more)
    {
        string[] usual =
        [
            "--data", _data, "--out", _folder.File("run"), "--style", "plain", "--epochs", "2", "--samples", "1", "--learning-rate", "0.01", "--threads", "1",
        ];
        return CommandLine.Run(["finetune", "instruct", _model, .. usual.Chunk(2).Where(option => !more.Contains(option[0])).SelectMany(option => option), .. more]);
    }
}
