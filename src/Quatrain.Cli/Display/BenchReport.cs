using System.Globalization;
using Quatrain.Cli.Hosting;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Training.Benchmarks;
using Quatrain.Training.Options;
using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>What was measured, and how a person reads it.</summary>
internal sealed record BenchReport(NamedModel Model, int Threads, MachineSpeed Machine, StepMeasurement Step)
{
    /// <summary>As everywhere in the program, a megabyte of memory is 2^20 bytes.</summary>
    public static double Megabytes(long bytes) => bytes / 1048576.0;

    public void Write(TextWriter output)
    {
        Gpt2Config config = Model.Config;
        TrainingOptions options = Model.Options;
        string dropout = config.ResidualDropout > 0 ? Invariant($"dropout {config.ResidualDropout}") : "without dropout";
        output.WriteLine(Invariant(
            $"Machine  {Threads} {(Threads == 1 ? "thread" : "threads")}, {WorkerPool.Lanes} lanes a register: at most {Machine.PeakGflops:N1} GFLOP/s in multiply-adds, {Machine.MemoryGigabytesPerSecond:N1} GB/s from memory"));
        output.WriteLine(Invariant(
            $"Model    {Model.Name}: {config.ParameterCount:N0} parameters, random; batch {options.BatchSize} x {options.ContextLength} tokens, {dropout}"));
        output.WriteLine(Invariant(
            $"Step     {Step.MedianSeconds * 1e3:N2} ms (median of {Step.Seconds.Count:N0}; fastest {Step.LeastSeconds * 1e3:N2} ms), {Step.TokensPerSecond:N0} tokens/s, peak memory {Megabytes(Step.PeakMemoryBytes):N1} MB"));
        output.WriteLine(Invariant(
            $"         {Step.Gflops:N1} GFLOP/s, {Step.Gflops / Machine.PeakGflops:P1} of the multiply-add peak"));
        output.WriteLine();
        TableOutput.Write(output, Table());
        output.WriteLine("Times are those of one step. The peak is the multiply-add peak for GFLOP/s, and memory's speed for GB/s, which data in the caches exceeds.");
        output.WriteLine("Attention's masked positions count too, as is usual. 1 MB is 2^20 bytes, 1 GB/s 10^9 bytes a second.");
    }

    private Table Table()
    {
        // Lean enough for a terminal of 80 columns.
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string title in (string[])["Operation", "Size", "Calls", "ms", "Step %", "GFLOP/s", "GB/s", "Peak %"])
        {
            TableColumn column = new(title) { Padding = new Padding(0), NoWrap = true };
            table.AddColumn(title is "Operation" or "Size" ? column : column.RightAligned());
        }

        foreach (OperationTotal total in Step.Operations)
        {
            table.AddRow(
                Markup.Escape(total.Operation.Name), Size(total.Operation), Invariant($"{(double)total.Calls / Step.ProfiledSteps:0.##}"), Milliseconds(total.Seconds),
                ShareOfStep(total.Seconds), Invariant($"{total.Gflops:F1}"), Invariant($"{total.GigabytesPerSecond:F1}"), Invariant($"{total.ShareOfPeak(Machine) * 100:F1}"));
        }

        table.AddRow("everything else", "", "", Milliseconds(Step.OtherSeconds), ShareOfStep(Step.OtherSeconds), "", "", "");
        return table;
    }

    private string Milliseconds(double seconds)
    {
        double milliseconds = seconds / Step.ProfiledSteps * 1e3;
        return milliseconds.ToString(milliseconds < 100 ? "F3" : "F1", CultureInfo.InvariantCulture);
    }

    private string ShareOfStep(double seconds) => Invariant($"{seconds / Step.ProfiledSeconds * 100:F1}");

    private static string Size(Operation operation) =>
        Invariant($"{operation.Rows}x{operation.Columns}{(operation.Depth > 0 ? Invariant($"x{operation.Depth}") : "")}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
