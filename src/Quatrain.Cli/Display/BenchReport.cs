using System.Globalization;
using Quatrain.Cli.Hosting;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Training.Benchmarks;
using Quatrain.Training.Options;

namespace Quatrain.Cli.Display;

/// <summary>What was measured, and how a person reads it.</summary>
internal sealed record BenchReport(NamedModel Model, int Threads, MachineSpeed Machine, StepMeasurement Step)
{
    /// <summary>As everywhere in the program, a megabyte of memory is 2^20 bytes.</summary>
    public static double Megabytes(long bytes) => bytes / 1048576.0;

    /// <summary>What the machine can do.</summary>
    public static string MachineLine(int threads, MachineSpeed machine) => Invariant(
        $"Machine  {threads} {(threads == 1 ? "thread" : "threads")}, {WorkerPool.Lanes} lanes a register: at most {machine.PeakGflops:N1} GFLOP/s in multiply-adds, {machine.MemoryGigabytesPerSecond:N1} GB/s from memory");

    public void Write(TextWriter output)
    {
        Gpt2Config config = Model.Config;
        TrainingOptions options = Model.Options;
        string dropout = config.ResidualDropout > 0 ? Invariant($"dropout {config.ResidualDropout}") : "without dropout";
        output.WriteLine(MachineLine(Threads, Machine));
        output.WriteLine(Invariant(
            $"Model    {Model.Name}: {config.ParameterCount:N0} parameters, random; batch {options.BatchSize} x {options.ContextLength} tokens, {dropout}"));
        output.WriteLine(Invariant(
            $"Step     {Step.MedianSeconds * 1e3:N2} ms (median of {Step.Seconds.Count:N0}; fastest {Step.LeastSeconds * 1e3:N2} ms), {Step.TokensPerSecond:N0} tokens/s, peak memory {Megabytes(Step.PeakMemoryBytes):N1} MB"));
        output.WriteLine(Invariant(
            $"         {Step.Gflops:N1} GFLOP/s, {Step.Gflops / Machine.PeakGflops:P1} of the multiply-add peak"));
        output.WriteLine();
        OperationTable.Write(output, Step.Operations, Step.ProfiledSteps, Step.ProfiledSeconds, Machine);
        output.WriteLine("Times are those of one step. The peak is the multiply-add peak for GFLOP/s, and memory's speed for GB/s, which data in the caches exceeds.");
        output.WriteLine("Attention's masked positions count too, as is usual. 1 MB is 2^20 bytes, 1 GB/s 10^9 bytes a second.");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
