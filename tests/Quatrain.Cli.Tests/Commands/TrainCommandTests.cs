using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Tests.Commands;

[Collection(TinyRunTests.Name)]
public sealed class TrainCommandTests(TinyRun run) : IDisposable
{
    private static readonly string[] Fields =
    [
        "steps", "interrupted", "train_loss", "val_loss", "best_val_loss", "best_bits_per_byte", "best_step", "floor", "parse_share", "rhyme_share", "seconds",
        "tokens_per_second", "parameters", "model",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Json_says_how_the_run_ended()
    {
        JsonElement json = run.Training.Json();

        TinyRun.Names(json).ShouldBe(Fields);
        json.GetProperty("steps").GetInt64().ShouldBe(TinyRun.Iterations);
        json.GetProperty("interrupted").GetBoolean().ShouldBeFalse();
        json.GetProperty("best_val_loss").GetDouble().ShouldBeLessThanOrEqualTo(json.GetProperty("val_loss").GetDouble());
        json.GetProperty("train_loss").GetDouble().ShouldBeLessThan(3);
        json.GetProperty("floor").ValueKind.ShouldBe(JsonValueKind.Null);
        json.GetProperty("parse_share").ValueKind.ShouldBe(JsonValueKind.Null);
        json.GetProperty("rhyme_share").ValueKind.ShouldBe(JsonValueKind.Null);
        json.GetProperty("seconds").GetDouble().ShouldBePositive();
        json.GetProperty("tokens_per_second").GetDouble().ShouldBePositive();
        json.GetProperty("model").GetString().ShouldBe(run.Path);
    }

    [Fact]
    public void The_run_folder_has_all_its_files() =>
        Directory.EnumerateFiles(run.Path, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(run.Path, file).Replace('\\', '/')).ShouldBe(
            ["config.json", "loss.svg", "metrics.jsonl", "model.safetensors", "state/last.safetensors", "tokenizer.json", "training.json"], ignoreOrder: true);

    [Fact]
    public async Task Verses_have_a_floor_and_shares()
    {
        JsonElement json = (await CommandLine.Run(TinyRun.TrainArguments(
            "quatrains", _folder.File("verses"), "--iterations", "1", "--eval-tokens", "64", "--sample-tokens", "8", "--context-length", "64", "--json"))).Json();

        TinyRun.Names(json).ShouldBe(Fields);
        json.GetProperty("floor").GetDouble().ShouldBeInRange(0.1, 1);
        json.GetProperty("parse_share").GetDouble().ShouldBeInRange(0, 1);
        json.GetProperty("rhyme_share").GetDouble().ShouldBeInRange(0, 1);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_files_with_any_number_of_threads()
    {
        string one = _folder.File("one"), three = _folder.File("three");
        (await CommandLine.Run(TinyRun.TrainArguments(run.TextPath, one, "--iterations", "6"))).Success();
        (await CommandLine.Run(TinyRun.TrainArguments(run.TextPath, three, "--iterations", "6", "--threads", "3"))).Success()
            .ShouldContain($"quatrain generate {three}");

        foreach (string name in new[] { "model.safetensors", "config.json", "training.json", "tokenizer.json", "state/last.safetensors" })
        {
            File.ReadAllBytes(Path.Combine(three, name)).ShouldBe(File.ReadAllBytes(Path.Combine(one, name)), name);
        }
    }

    [Fact]
    public async Task Options_come_from_preset_file_and_command_line_the_last_winning()
    {
        string config = _folder.WriteText("config.json", """{ "preset": "nano", "batch_size": 3, "iterations": 7, "eval_every": 0, "sample_every": 0 }""");
        string folder = _folder.File("run");

        (await CommandLine.Run("train", "--config", config, "--data", run.TextPath, "--out", folder, "--iterations", "2", "--context-length", "8", "--threads", "1")).Success();

        RunDescription description = RunDescription.Read(Path.Combine(folder, "training.json"));
        description.Options.Preset.ShouldBe("nano");
        description.Options.BatchSize.ShouldBe(3);
        description.Options.Iterations.ShouldBe(2);
        description.Options.ContextLength.ShouldBe(8);
        description.Options.EmbeddingSize.ShouldBe(8);
    }

    [Fact]
    public async Task Refuses_a_folder_that_holds_a_run_and_leaves_it_as_it_was()
    {
        string before = TemporaryFolder.Snapshot(run.Path);

        (await CommandLine.Run(TinyRun.TrainArguments(run.TextPath, run.Path))).Refusal()
            .ShouldBe($"'{run.Path}' already holds a run; add --resume to go on with it, or choose another --out.");
        TemporaryFolder.Snapshot(run.Path).ShouldBe(before);
    }
}
