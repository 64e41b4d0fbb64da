using Quatrain.Tests;
using Quatrain.Training.Logging;

namespace Quatrain.Training.Tests.Logging;

public class MetricsLogTests
{
    private static readonly MetricRecord[] Records =
    [
        new StepRecord(1, 4.174387269895637, 1e-5, 2.5, 12345.6, 0.125),
        new EvaluationRecord(1, 4.1, 1.25, 0.5, 0, 1.875),
        new StepRecord(2, 4.0, 2e-5, 1.5, 12345.6, 0.25),
        new EvaluationRecord(2, 3.9),
        new StepRecord(3, 3.5, 3e-5, 1.25, 12345.6, 0.375),
    ];

    [Fact]
    public void Append_writes_one_object_a_line()
    {
        using TemporaryFolder folder = new();
        string path = WriteLog(folder, Records[..4]);

        File.ReadAllText(path).ShouldBe("""
            {"step":1,"loss":4.174387269895637,"learning_rate":1E-05,"gradient_norm":2.5,"tokens_per_second":12345.6,"seconds":0.125}
            {"step":1,"val_loss":4.1,"bits_per_byte":1.875,"floor":1.25,"parse_share":0.5,"rhyme_share":0}
            {"step":2,"loss":4,"learning_rate":2E-05,"gradient_norm":1.5,"tokens_per_second":12345.6,"seconds":0.25}
            {"step":2,"val_loss":3.9}

            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Read_gives_back_what_was_appended()
    {
        using TemporaryFolder folder = new();

        MetricsLog.Read(WriteLog(folder, Records)).ShouldBe(Records);
    }

    [Fact]
    public void A_line_can_be_read_as_soon_as_it_is_appended()
    {
        using TemporaryFolder folder = new();
        using MetricsLog log = MetricsLog.Create(folder.File("metrics.jsonl"));

        log.Append(Records[0]);

        MetricsLog.Read(folder.File("metrics.jsonl")).ShouldBe(Records[..1]);
    }

    [Fact]
    public void Numbers_that_are_not_finite_come_back_as_NaN()
    {
        using TemporaryFolder folder = new();
        string path = WriteLog(folder, [new StepRecord(1, double.NaN, 1e-3, double.PositiveInfinity, 1, 1), new EvaluationRecord(1, double.NaN)]);

        IReadOnlyList<MetricRecord> read = MetricsLog.Read(path);

        read.ShouldBe([new StepRecord(1, double.NaN, 1e-3, double.NaN, 1, 1), new EvaluationRecord(1, double.NaN)]);
    }

    [Fact]
    public void A_last_line_torn_anywhere_is_left_out_by_Read_and_dropped_by_TruncateAfter()
    {
        using TemporaryFolder folder = new();
        string path = WriteLog(folder, Records);
        byte[] whole = File.ReadAllBytes(path);
        int lastLine = whole.AsSpan(0, whole.Length - 1).LastIndexOf((byte)'\n') + 1;
        for (int length = lastLine; length < whole.Length - 1; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            MetricsLog.Read(path).ShouldBe(Records[..4]);
            MetricsLog.TruncateAfter(path, 100, 100);
            File.ReadAllBytes(path).ShouldBe(whole[..lastLine]);
        }
    }

    [Fact]
    public void A_last_line_that_only_lacks_its_end_is_kept()
    {
        using TemporaryFolder folder = new();
        string path = WriteLog(folder, Records);
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, whole[..^1]);

        MetricsLog.Read(path).ShouldBe(Records);
        MetricsLog.TruncateAfter(path, 3, 3);
        File.ReadAllBytes(path).ShouldBe(whole);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 2)]
    [InlineData(2, 4)]
    [InlineData(3, 5)]
    public void Resume_goes_on_as_if_the_run_had_never_stopped(long step, int kept)
    {
        using TemporaryFolder folder = new();
        string uninterrupted = WriteLog(folder, Records, "uninterrupted.jsonl");
        string path = WriteLog(folder, Records, "resumed.jsonl");
        File.AppendAllText(path, "{\"step\":4,\"lo");

        using (MetricsLog log = MetricsLog.Resume(path, step, step))
        {
            MetricsLog.Read(path).ShouldBe(Records[..kept]);
            foreach (MetricRecord record in Records[kept..])
            {
                log.Append(record);
            }
        }

        File.ReadAllText(path).ShouldBe(File.ReadAllText(uninterrupted));
        Directory.GetFiles(folder.Path).Length.ShouldBe(2);
    }

    [Fact]
    public void An_evaluation_that_the_saved_run_does_not_know_of_is_dropped_with_its_step_kept()
    {
        using TemporaryFolder folder = new();
        MetricRecord[] records = [new EvaluationRecord(0, 3), new StepRecord(1, 2, 1e-3, 1, 1, 1), new EvaluationRecord(1, 2)];
        string path = WriteLog(folder, records);

        MetricsLog.TruncateAfter(path, 1, evaluatedStep: 0);

        MetricsLog.Read(path).ShouldBe(records[..2]);
    }

    [Fact]
    public void Resume_without_a_file_and_Create_over_a_file_start_anew()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("metrics.jsonl");
        MetricsLog.Resume(path, 5, 5).Dispose();
        File.ReadAllText(path).ShouldBeEmpty();

        WriteLog(folder, Records);
        MetricsLog.Create(path).Dispose();
        MetricsLog.Read(path).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1]")]
    [InlineData("{}")]
    [InlineData("{\"loss\":1}")]
    [InlineData("{\"step\":1}")]
    [InlineData("{\"step\":-1,\"loss\":1}")]
    [InlineData("{\"step\":1.5,\"loss\":1}")]
    [InlineData("{\"step\":1,\"loss\":\"1\"}")]
    [InlineData("{\"step\":1,\"loss\":1,\"val_loss\":1}")]
    [InlineData("{\"step\":1,\"loss\":1} {}")]
    [InlineData("{\"step\":1,\"loss\":1,\"\\ud800\":1}")]
    [InlineData("")]
    [InlineData("\0\0\0")]
    public void A_broken_line_is_refused_in_the_middle_and_tolerated_at_the_end(string line)
    {
        using TemporaryFolder folder = new();
        string good = "{\"step\":7,\"val_loss\":1.5}\n";
        string path = folder.WriteText("metrics.jsonl", good + line + "\n" + good);

        Should.Throw<InvalidDataException>(() => MetricsLog.Read(path)).Message
            .ShouldBe($"'{path}' is no metrics log: line 2 is no record; delete the line to go on.");
        Should.Throw<InvalidDataException>(() => MetricsLog.TruncateAfter(path, 100, 100));
        File.ReadAllText(path).ShouldBe(good + line + "\n" + good);

        folder.WriteText("metrics.jsonl", good + line + "\n");
        MetricsLog.Read(path).ShouldBe([new EvaluationRecord(7, 1.5)]);
    }

    [Fact]
    public void Keys_of_later_versions_are_skipped()
    {
        using TemporaryFolder folder = new();
        string path = folder.WriteText("metrics.jsonl", "{\"step\":7,\"new\":{\"a\":[1]},\"val_loss\":1.5}\r\n");

        MetricsLog.Read(path).ShouldBe([new EvaluationRecord(7, 1.5)]);
    }

    [Fact]
    public void An_endless_line_is_refused_without_holding_it()
    {
        using TemporaryFolder folder = new();
        string path = folder.WriteText("metrics.jsonl", new string('x', 200_000));

        Should.Throw<InvalidDataException>(() => MetricsLog.Read(path)).Message.ShouldContain("line 1 is over 65536 bytes");
    }

    [Fact]
    public void Long_logs_are_read_across_the_buffer()
    {
        using TemporaryFolder folder = new();
        MetricRecord[] records = [.. Enumerable.Range(1, 5000).Select(step => new StepRecord(step, 1.0 / step, 1e-3, 1, 1, 1))];
        string path = WriteLog(folder, records);

        MetricsLog.Read(path).ShouldBe(records);
        MetricsLog.TruncateAfter(path, 2500, 2500);
        MetricsLog.Read(path).ShouldBe(records[..2500]);
    }

    [Fact]
    public void Append_allocates_nothing_once_warm()
    {
        using TemporaryFolder folder = new();
        using MetricsLog log = MetricsLog.Create(folder.File("metrics.jsonl"));
        log.Append(Records[0]);
        Allocation.Least(() => log.Append(Records[0])).ShouldBe(0);
    }

    private static string WriteLog(TemporaryFolder folder, MetricRecord[] records, string name = "metrics.jsonl")
    {
        using MetricsLog log = MetricsLog.Create(folder.File(name));
        foreach (MetricRecord record in records)
        {
            log.Append(record);
        }

        return folder.File(name);
    }
}
