using Quatrain.Models.Checkpoints;
using Quatrain.Training.Logging;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.Runs;

/// <summary>A run that was stopped or crashed and is resumed leaves the bytes of one that never stopped.</summary>
public sealed class ResumeTests : IClassFixture<ResumeTests.Uninterrupted>
{
    private readonly Uninterrupted _uninterrupted;

    public ResumeTests(Uninterrupted uninterrupted) => _uninterrupted = uninterrupted;

    // Evaluations at 0, 5, 10, 15, 20; checkpoints at 4, 8, 12, 16, 20; samples at 0, 3, ... 18, 20.
    [Theory]
    [InlineData("started 0")]
    [InlineData("evaluated 0")]
    [InlineData("slice 1")]
    [InlineData("slice 6")]
    [InlineData("slice 20")]
    [InlineData("step 1")]
    [InlineData("step 3")]
    [InlineData("step 4")]
    [InlineData("evaluated 5")]
    [InlineData("step 8")]
    [InlineData("sampled 9")]
    [InlineData("step 10")]
    [InlineData("sampled 15")]
    [InlineData("step 20")]
    [InlineData("started 0", "sampled 0", "slice 2", "step 2", "step 5", "step 8", "slice 9", "slice 10", "sampled 15", "step 16", "step 20", "started 20")]
    public void After_cancelling(params string[] moments)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run");
        int part = 0;
        foreach (string moment in moments)
        {
            TrainingReport stopped = RunScript.Run(path, _uninterrupted.Options, cancelAt: moment, threads: part++ % 3 + 1);
            stopped.Interrupted.ShouldBeTrue();
            stopped.ValidationLoss.ShouldBeNull();
            File.Exists(new RunFolder(path).StatePath).ShouldBeTrue();
        }

        TrainingReport report = RunScript.Run(path, _uninterrupted.Options);

        RunFiles.ShouldBeSame(path, _uninterrupted.Folder, string.Join(", ", moments));
        ShouldSayTheSame(report, _uninterrupted.Report);
    }

    [Fact]
    public void What_is_saved_in_the_middle_of_a_step_is_gone_on_with_and_not_done_again()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run");

        TrainingReport stopped = RunScript.Run(path, _uninterrupted.Options, cancelAt: "slice 6");
        RunScript script = new();
        script.Run(path, _uninterrupted.Options);

        stopped.Steps.ShouldBe(5);
        // The second of the two slices of step 6 is its last, of which nothing is told but that the step is done.
        script.Calls.TakeWhile(call => call != "step 6").ShouldNotContain("slice 6");
        script.Calls.ShouldContain("slice 7");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("2")]
    [InlineData("9223372036854775807")]
    [InlineData("many")]
    public void A_state_with_an_impossible_number_of_slices_is_refused(string slices)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run"), state = new RunFolder(path).StatePath;
        RunScript.Run(path, _uninterrupted.Options, cancelAt: "slice 1");
        using (SafetensorsFile file = SafetensorsFile.Open(state))
        {
            List<SafetensorsTensor> tensors = [];
            foreach (TensorEntry entry in file.Entries)
            {
                float[] values = new float[entry.ElementCount];
                file.ReadFiniteFloats(entry, values);
                tensors.Add(new SafetensorsTensor(entry.Name, entry.Shape, () => values));
            }

            file.Metadata["slices_done"].ShouldBe("1");
            SafetensorsWriter.Write(state + ".new", tensors, new Dictionary<string, string>(file.Metadata) { ["slices_done"] = slices });
        }

        File.Move(state + ".new", state, overwrite: true);

        Should.Throw<InvalidDataException>(() => RunScript.Run(path, _uninterrupted.Options)).Message.ShouldMatch("slices.*begin a new run, or restore the file\\.$");
    }

    /// <summary>Every moment at which a run tells its observer something is one at which the process may end.</summary>
    [Fact]
    public void After_a_crash_at_every_moment()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run");
        foreach (string moment in _uninterrupted.Calls)
        {
            Crash(path, moment);
        }

        TrainingReport report = RunScript.Run(path, _uninterrupted.Options);

        RunFiles.ShouldBeSame(path, _uninterrupted.Folder, "crashed everywhere");
        ShouldSayTheSame(report, _uninterrupted.Report);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    public void After_a_crash_between_an_evaluation_that_was_put_off_and_the_next_checkpoint(int step)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run");
        RunScript.Run(path, _uninterrupted.Options, cancelAt: $"step {step}");
        Crash(path, $"evaluated {step}");

        RunScript.Run(path, _uninterrupted.Options);

        RunFiles.ShouldBeSame(path, _uninterrupted.Folder, "evaluated twice");
        MetricsLog.Read(new RunFolder(path).MetricsPath).OfType<EvaluationRecord>().Select(record => record.Step).ShouldBe([0L, 5, 10, 15, 20]);
    }

    [Fact]
    public void A_finished_run_can_be_resumed_and_says_the_same()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("run");
        RunScript.Run(path, _uninterrupted.Options);
        RunScript script = new();

        TrainingReport report = script.Run(path, _uninterrupted.Options);

        script.Calls.ShouldBe(["started 20"]);
        RunFiles.ShouldBeSame(path, _uninterrupted.Folder, "resumed at its end");
        ShouldSayTheSame(report, _uninterrupted.Report);
        report.TokensPerSecond.ShouldBeNull();
    }

    private static void ShouldSayTheSame(TrainingReport report, TrainingReport expected) =>
        report.ShouldBe(expected with { Seconds = report.Seconds, TokensPerSecond = report.TokensPerSecond });

    private void Crash(string path, string moment)
    {
        RunScript script = new()
        {
            At = call =>
            {
                if (call == moment)
                {
                    throw new CrashException();
                }
            },
        };
        Should.Throw<CrashException>(() => script.Run(path, _uninterrupted.Options), moment);
    }

    private sealed class CrashException : Exception;

    /// <summary>The run that all others are compared with.</summary>
    public sealed class Uninterrupted : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Uninterrupted()
        {
            Options = SmallRun.Options with
            {
                Data = _folder.WriteText("text.txt", SmallRun.Text),
                Dropout = 0.1,
                AccumulationSteps = 2,
                EvalEvery = 5,
                EvalTokens = 200,
                CheckpointEvery = 4,
                SampleEvery = 3,
                SampleTokens = 8,
            };
            Folder = _folder.File("run");
            RunScript script = new();
            Report = script.Run(Folder, Options);
            Calls = script.Calls;
        }

        public string Folder { get; }

        internal TrainingOptions Options { get; }

        internal TrainingReport Report { get; }

        internal List<string> Calls { get; }

        public void Dispose() => _folder.Dispose();
    }
}
