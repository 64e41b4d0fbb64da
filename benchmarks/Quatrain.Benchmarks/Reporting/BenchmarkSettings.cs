using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Quatrain.Benchmarks.Reporting;

/// <summary>Few and short iterations in this process: no project is generated and restored, and all kernels take some minutes.</summary>
internal sealed class BenchmarkSettings : ManualConfig
{
    public BenchmarkSettings()
    {
        AddJob(Job.Default
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithWarmupCount(2)
            .WithIterationCount(7)
            .WithIterationTime(TimeInterval.FromMilliseconds(60)));
        AddLogger(ConsoleLogger.Default);
        AddColumn(
            TargetMethodColumn.Type, TargetMethodColumn.Method, StatisticColumn.Median, StatisticColumn.Min, new SpeedColumn(), new ShareOfPeakColumn());
        AddColumnProvider(DefaultColumnProviders.Params);
        // Room for the name of a shape.
        WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(40));
        WithUnionRule(ConfigUnionRule.AlwaysUseLocal);
    }
}
