using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Quatrain.Benchmarks.Reporting;

/// <summary>What one call of a benchmark does, counted in what it is bound by: arithmetic, or else memory.</summary>
/// <param name="Flops">Floating-point operations, or 0 where moving bytes is what takes the time.</param>
/// <param name="Bytes">The bytes of the tensors it reads and writes, each counted once.</param>
public readonly record struct Amount(double Flops, double Bytes = 0)
{
    /// <summary>The amount and the speed at the median; null where the benchmark has no amount or has not run.</summary>
    internal static (Amount Amount, double PerSecond)? Measured(Summary summary, BenchmarkCase benchmark)
    {
        Amount amount = KernelBenchmark.For(benchmark).AmountOf(benchmark.Descriptor.WorkloadMethod.Name);
        double count = amount.Flops > 0 ? amount.Flops : amount.Bytes;
        return count > 0 && summary[benchmark]?.ResultStatistics is { } statistics ? (amount, count / statistics.Median) : null;
    }
}
