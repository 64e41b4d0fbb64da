using System.Text.RegularExpressions;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Logging;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.Runs;

/// <summary>Notes what a run tells, as "started 0", "sampled 0", "evaluated 0", "slice 1", "step 1", and does what a test wants done at such a moment.</summary>
internal sealed class RunScript : ITrainingObserver
{
    public List<string> Calls { get; } = [];

    public List<MetricRecord> Records { get; } = [];

    public List<StepProgress> Progress { get; } = [];

    public Action<string> At { get; init; } = _ => { };

    /// <summary>The run, once it has started.</summary>
    public TrainingRun? Current { get; private set; }

    public void Started(TrainingRun run, long step)
    {
        Current = run;
        Note($"started {step}");
    }

    public void SliceDone(StepProgress progress)
    {
        Progress.Add(progress);
        Note($"slice {progress.Step}");
    }

    public void StepDone(StepRecord record) => Note($"step {record.Step}", record);

    public void Evaluated(EvaluationRecord record) => Note($"evaluated {record.Step}", record);

    public void Sampled(long step, string text) => Note($"sampled {step}");

    /// <summary>Begins the run in a folder, or goes on with it, and runs it until it ends or is cancelled at the call named.</summary>
    public static TrainingReport Run(string folder, TrainingOptions options, string cancelAt = "", int threads = 1)
    {
        using CancellationTokenSource source = new();
        RunScript script = new()
        {
            At = call =>
            {
                if (call == cancelAt)
                {
                    source.Cancel();
                }
            },
        };
        return script.Run(folder, options, threads, source.Token);
    }

    public TrainingReport Run(string folder, TrainingOptions options, int threads = 1, CancellationToken cancellation = default)
    {
        using WorkerPool pool = new(threads);
        RunFolder runFolder = new(folder);
        using TrainingRun run = runFolder.HoldsRun
            ? TrainingRun.ResumeAsync(runFolder, saved => saved, pool, this, CancellationToken.None).GetAwaiter().GetResult()
            : TrainingRun.BeginAsync(runFolder, options, pool, this, CancellationToken.None).GetAwaiter().GetResult();
        return run.Run(cancellation);
    }

    private void Note(string call, MetricRecord? record = null)
    {
        Calls.Add(call);
        if (record is not null)
        {
            Records.Add(record);
        }

        At(call);
    }
}

/// <summary>What a run leaves in its folder, to compare byte by byte.</summary>
internal static partial class RunFiles
{
    /// <summary>The content of every file by its name; timings are left out of the metrics.</summary>
    public static Dictionary<string, string> Read(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(file => Path.GetRelativePath(folder, file), file => Path.GetExtension(file) == ".jsonl"
            ? Timings().Replace(File.ReadAllText(file), "")
            : Convert.ToHexString(File.ReadAllBytes(file)));

    public static void ShouldBeSame(string folder, string expectedFolder, string context)
    {
        Dictionary<string, string> actual = Read(folder), expected = Read(expectedFolder);
        actual.Keys.Order().ShouldBe(expected.Keys.Order(), context);
        foreach ((string name, string content) in expected)
        {
            (actual[name] == content).ShouldBeTrue($"{context}: {name} differs");
        }
    }

    [GeneratedRegex(",\"tokens_per_second\":[^,}]*,\"seconds\":[^,}]*")]
    private static partial Regex Timings();
}
