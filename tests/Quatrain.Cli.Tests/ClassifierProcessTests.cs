using System.Text.Json;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests;

/// <summary>What signals do to the making and the use of a classifier.</summary>
[Collection(SpamRunTests.Name)]
public sealed class ClassifierProcessTests(SpamRun run) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [UnixTheory]
    [InlineData("INT")]
    public async Task A_signal_saves_the_run_and_says_how_to_go_on(string signal)
    {
        string folder = _folder.File("run");
        using QuatrainProcess training = QuatrainProcess.Start([.. run.Arguments(folder, "--no-baseline", "--json").Select(word => word == "2" ? "400" : word)]);
        await training.UntilErrorHas("step     8: val");
        await training.Signal(signal);

        Outcome stopped = await training.End();

        JsonElement json = stopped.Json();
        json.GetProperty("interrupted").GetBoolean().ShouldBeTrue();
        long steps = json.GetProperty("steps").GetInt64();
        steps.ShouldBeInRange(8, 3199);
        stopped.Error.ShouldContain($"Stopped after step {steps}; everything is saved: quatrain finetune classify --out {folder} --resume goes on.");
        File.Exists(Path.Combine(folder, "state", "last.safetensors")).ShouldBeTrue();
        File.Exists(Path.Combine(folder, "classifier.json")).ShouldBeFalse();
        (await CommandLine.Run("classify", folder, "a text")).Refusal().ShouldContain("is no classifier");
    }

    [UnixTheory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_leaves_no_part_of_a_table(string signal)
    {
        string input = _folder.WriteText("in.csv", "text\n" + string.Concat(Enumerable.Repeat($"{new string('x', 60)}\n", 300_000)));
        using QuatrainProcess process = QuatrainProcess.Start(["classify", run.Path, "--input", input, "--output", _folder.File("out.csv"), "--threads", "1"]);
        using CancellationTokenSource patience = new(Patience);
        while (!Directory.EnumerateFiles(_folder.Path, "*.tmp").Any())
        {
            await Task.Delay(20, patience.Token);
        }

        await process.Signal(signal);
        Outcome outcome = await process.End();

        outcome.Success().ShouldBeEmpty();
        outcome.Error.ShouldBe("Stopped.\n");
        Directory.EnumerateFileSystemEntries(_folder.Path).ShouldHaveSingleItem().ShouldBe(input);
    }
}
