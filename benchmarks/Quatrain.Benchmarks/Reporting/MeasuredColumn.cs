using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Quatrain.Benchmarks.Reporting;

/// <summary>A column that is worked out from the median and the amount of work.</summary>
internal abstract class MeasuredColumn(string name, string legend) : IColumn
{
    public string Id => name;

    public string ColumnName => name;

    public string Legend => legend;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Metric;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) =>
        Amount.Measured(summary, benchmarkCase) is { } measured ? Text(measured.Amount, measured.PerSecond, KernelBenchmark.For(benchmarkCase).Threads) : "-";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    /// <param name="amount">What one call does.</param>
    /// <param name="perNanosecond">Floating-point operations or bytes a nanosecond: 10^9 a second.</param>
    /// <param name="threads">The workers that did it.</param>
    protected abstract string Text(Amount amount, double perNanosecond, int threads);
}

/// <summary>10^9 floating-point operations or bytes a second, at the median.</summary>
internal sealed class SpeedColumn() : MeasuredColumn("Speed", "10^9 floating-point operations, or bytes read and written, a second at the median")
{
    protected override string Text(Amount amount, double perNanosecond, int threads) => $"{perNanosecond:F1} {(amount.Flops > 0 ? "GFLOP/s" : "GB/s")}";
}

/// <summary>The speed as a share of the machine's.</summary>
internal sealed class ShareOfPeakColumn() : MeasuredColumn(
    "Of peak", "Share of the multiply-add peak, or of the speed at which memory is read, with as many threads; what lies in caches is moved faster than memory")
{
    protected override string Text(Amount amount, double perNanosecond, int threads) =>
        $"{perNanosecond / (amount.Flops > 0 ? Machine.Speed(threads).PeakGflops : Machine.Speed(threads).MemoryGigabytesPerSecond):P0}";
}
