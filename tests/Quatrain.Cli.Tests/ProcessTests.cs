using System.Text.Json;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests;

/// <summary>What only a process of its own can show.</summary>
[Collection(TinyRunTests.Name)]
public sealed class ProcessTests(TinyRun run) : IDisposable
{
    // Steps that are long enough for a signal to arrive before the last one.
    private static readonly string[] Slow = ["--batch-size", "32", "--context-length", "64", "--embedding-size", "32", "--iterations", "400"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [UnixTheory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_saves_the_run_and_says_how_to_go_on(string signal)
    {
        string folder = _folder.File("run");
        using QuatrainProcess training = QuatrainProcess.Start(TinyRun.TrainArguments(run.TextPath, folder, [.. Slow, "--checkpoint-every", "0"]));
        await training.UntilErrorHas("step     0: val");
        await training.Signal(signal);

        string output = (await training.End()).Success();

        output.ShouldMatch(@"Stopped after step \d+ of 400; everything is saved\.");
        output.ShouldContain($"quatrain train --out {folder} --resume");
        File.Exists(Path.Combine(folder, "state", "last.safetensors")).ShouldBeTrue();
        if (signal == "INT")
        {
            JsonElement json = (await CommandLine.Run("train", "--resume", "--out", folder, "--json", "--threads", "1")).Json();
            json.GetProperty("steps").GetInt32().ShouldBe(400);
            json.GetProperty("interrupted").GetBoolean().ShouldBeFalse();
        }
    }

    [UnixTheory]
    [InlineData("INT")]
    public async Task A_signal_ends_a_benchmark_between_two_steps(string signal)
    {
        using QuatrainProcess bench = QuatrainProcess.Start(["bench", "--preset", "nano", "--steps", "1000000", "--json"]);
        await bench.UntilErrorHas("Measuring steps.");
        await bench.Signal(signal);

        Outcome outcome = await bench.End();

        outcome.Success().ShouldBeEmpty();
        outcome.Error.ShouldEndWith("Stopped.\n");
    }

    [Fact]
    public async Task A_result_goes_to_standard_output_alone()
    {
        Outcome outcome = await QuatrainProcess.Run("generate", run.Path, "--json", "--max-tokens", "5");

        outcome.Json().GetProperty("ids").GetArrayLength().ShouldBe(5);
        outcome.Error.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_refusal_goes_to_standard_error_alone() =>
        (await QuatrainProcess.Run("generate", run.Path, "--prompt", "Z")).Refusal().ShouldStartWith("The character 'Z'");

    [Fact]
    public async Task A_run_without_out_goes_to_a_folder_named_after_its_data_and_a_second_beside_it()
    {
        for (int i = 0; i < 2; i++)
        {
            string[] arguments = [.. TinyRun.TrainArguments(run.TextPath, "unused", "--iterations", "1", "--json").Where(word => word is not ("--out" or "unused"))];
            using QuatrainProcess process = QuatrainProcess.Start(arguments, _folder.Path);
            (await process.End()).Json().GetProperty("model").GetString().ShouldBe(Path.Combine("runs", i == 0 ? "text" : "text-2"));
        }

        File.Exists(_folder.File("runs/text/model.safetensors")).ShouldBeTrue();
        File.Exists(_folder.File("runs/text-2/model.safetensors")).ShouldBeTrue();
    }

    [Theory]
    [InlineData("C")]
    [InlineData("en_US.ISO-8859-1")]
    public async Task Text_is_utf8_whatever_the_locale(string locale)
    {
        using QuatrainProcess process = QuatrainProcess.Start(["generate", run.Path, "--prompt", "the café", "--max-tokens", "1"], locale: locale);

        (await process.End()).Success().ShouldStartWith("the café");
    }
}
