using System.Text.Json;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests.Commands;

[Collection(TinyRunTests.Name)]
public sealed class TrainResumeTests : IDisposable
{
    private readonly TinyRun _run;
    private readonly TemporaryFolder _folder = new();
    private readonly string _copy;

    public TrainResumeTests(TinyRun run)
    {
        _run = run;
        _copy = run.CopyTo(_folder);
    }

    private string Description => Path.Combine(_copy, "training.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Refuses_a_folder_without_a_run()
    {
        foreach (string folder in new[] { _folder.File("none"), Directory.CreateDirectory(_folder.File("empty")).FullName })
        {
            (await CommandLine.Run("train", "--resume", "--out", folder)).Refusal()
                .ShouldBe($"'{folder}' holds no run to resume; leave out --resume to begin one, or name the run's folder with --out.");
        }

        Directory.Exists(_folder.File("none")).ShouldBeFalse();
    }

    [Theory]
    [InlineData("batch_size 4, not 5", "--batch-size", "5")]
    [InlineData("head_count 2, not 4", "--head-count", "4")]
    [InlineData("iterations 60, not 61", "--iterations", "61")]
    [InlineData("learning_rate 0.02, not 0.01", "--learning-rate", "0.01")]
    [InlineData("bias false, not true", "--bias")]
    [InlineData("preset quatrains, not nano", "--preset", "nano")]
    public async Task Refuses_another_option_and_names_both_values(string difference, params string[] options)
    {
        string sentence = await Refusal(options);

        sentence.ShouldBe(
            $"The run was begun with {difference} ('{Description}'); --resume takes every option from the run, so leave {options[0]} and what else sets it out, or begin a new run in another --out.");
    }

    [Fact]
    public async Task Refuses_another_option_in_a_config_file() =>
        (await Refusal("--config", _folder.WriteText("config.json", """{ "beta2": 0.9 }"""))).ShouldStartWith("The run was begun with beta2 0.99, not 0.9");

    [Fact]
    public async Task Refuses_data_that_has_changed()
    {
        string text = _folder.WriteText("text.txt", _run.Text);
        (await CommandLine.Run(TinyRun.TrainArguments(text, _folder.File("mine"), "--iterations", "2"))).Success();
        _folder.WriteText("text.txt", _run.Text.Replace("cat", "dog", StringComparison.Ordinal));
        string before = TemporaryFolder.Snapshot(_folder.Path);

        string sentence = $"The data '{text}' is not what the run was begun with ('{_folder.File("mine/training.json")}'); restore it, or begin a new run.";
        (await CommandLine.Run("train", "--resume", "--out", _folder.File("mine"))).Refusal().ShouldBe(sentence);
        (await CommandLine.Run("eval", _folder.File("mine"))).Refusal().ShouldBe(sentence);
        File.Delete(text);
        (await CommandLine.Run("train", "--resume", "--out", _folder.File("mine"))).Refusal().ShouldBe($"There is no file or folder '{text}'; check the path.");
        _folder.WriteText("text.txt", _run.Text.Replace("cat", "dog", StringComparison.Ordinal));
        TemporaryFolder.Snapshot(_folder.Path).ShouldBe(before);
    }

    [Fact]
    public async Task A_run_that_is_done_says_so_and_keeps_its_model_with_other_threads_and_the_same_options()
    {
        byte[] model = File.ReadAllBytes(Path.Combine(_copy, "model.safetensors")), state = File.ReadAllBytes(Path.Combine(_copy, "state/last.safetensors"));

        Outcome outcome = await CommandLine.Run("train", "--resume", "--out", _copy, "--threads", "2", "--batch-size", "4");

        outcome.Success().ShouldContain($"Nothing was left to do: the run had done all its {TinyRun.Iterations} steps.");
        outcome.Error.ShouldStartWith($"All {TinyRun.Iterations} steps are done");
        File.ReadAllBytes(Path.Combine(_copy, "model.safetensors")).ShouldBe(model);
        File.ReadAllBytes(Path.Combine(_copy, "state/last.safetensors")).ShouldBe(state);
        JsonElement json = (await CommandLine.Run("train", "--resume", "--out", _copy, "--json")).Json();
        json.GetProperty("val_loss").GetDouble().ShouldBe(_run.Training.Json().GetProperty("val_loss").GetDouble());
        json.GetProperty("best_val_loss").GetDouble().ShouldBe(_run.Training.Json().GetProperty("best_val_loss").GetDouble());
        json.GetProperty("tokens_per_second").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task A_run_that_was_stopped_before_its_first_save_begins_again_and_ends_the_same()
    {
        Directory.Delete(Path.Combine(_copy, "state"), recursive: true);

        (await CommandLine.Run("train", "--resume", "--out", _copy, "--threads", "1")).Success();

        File.ReadAllBytes(Path.Combine(_copy, "model.safetensors")).ShouldBe(File.ReadAllBytes(Path.Combine(_run.Path, "model.safetensors")));
        File.ReadAllBytes(Path.Combine(_copy, "state/last.safetensors")).ShouldBe(File.ReadAllBytes(Path.Combine(_run.Path, "state/last.safetensors")));
    }

    [Theory]
    [InlineData("{", "is not valid JSON at line 1, byte 2; check commas and quotes there.")]
    [InlineData("[]", "does not describe a run: it has no 'options'; use a folder that quatrain train made.")]
    [InlineData("{}", "does not describe a run: it has no 'options'; use a folder that quatrain train made.")]
    [InlineData("""{ "options": {} }""", "does not describe a run: it has no 'data_fingerprint'; use a folder that quatrain train made.")]
    [InlineData("""{ "options": { "widht": 3 } }""", "Unknown option 'widht' in '")]
    public async Task Refuses_a_run_description_that_is_damaged(string json, string problem)
    {
        File.WriteAllText(Description, json);

        (await Refusal()).ShouldContain(problem);
    }

    private async Task<string> Refusal(params string[] options)
    {
        string before = TemporaryFolder.Snapshot(_copy);
        string sentence = (await CommandLine.Run(["train", "--resume", "--out", _copy, .. options])).Refusal();
        TemporaryFolder.Snapshot(_copy).ShouldBe(before);
        return sentence;
    }
}
