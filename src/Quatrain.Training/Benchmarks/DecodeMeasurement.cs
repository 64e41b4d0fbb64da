using Quatrain.Tensors.Profiling;

namespace Quatrain.Training.Benchmarks;

/// <summary>What generating with a model takes: reading a prompt, and then token after token; and where the time goes.</summary>
public sealed record DecodeMeasurement
{
    /// <summary>The prompt's tokens.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>The seconds of each reading of one prompt, the shortest first.</summary>
    public required IReadOnlyList<double> PromptSeconds { get; init; }

    /// <summary>The floating-point operations of reading a prompt, by the field's count.</summary>
    public required double PromptFlops { get; init; }

    /// <summary>Sequences that go on together.</summary>
    public required int BatchSize { get; init; }

    /// <summary>The seconds of each step, one token of each sequence, the shortest first.</summary>
    public required IReadOnlyList<double> StepSeconds { get; init; }

    /// <summary>What a step must read from memory, on average: the weights once, and of each sequence the keys and values.</summary>
    public required double StepBytes { get; init; }

    /// <summary>The shares of the multiply-add peak, measured right after, that the readings reached; the least first.</summary>
    public required IReadOnlyList<double> PromptShares { get; init; }

    /// <summary>The shares of memory's speed, measured right after, that the steps reached; the least first.</summary>
    public required IReadOnlyList<double> StepShares { get; init; }

    /// <summary>The operations of one reading of the prompt, the one that took longest first.</summary>
    public required IReadOnlyList<OperationTotal> PromptOperations { get; init; }

    /// <summary>What that reading took.</summary>
    public required double ProfiledPromptSeconds { get; init; }

    /// <summary>The operations of the profiled steps together, the one that took longest first.</summary>
    public required IReadOnlyList<OperationTotal> StepOperations { get; init; }

    /// <summary>The steps, others than those of <see cref="StepSeconds"/>, whose operations were measured.</summary>
    public required int ProfiledSteps { get; init; }

    /// <summary>What those steps took together.</summary>
    public required double ProfiledStepSeconds { get; init; }

    /// <summary>The most memory the process has held, in bytes; 0 where the system doesn't tell.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>The seconds that half of the readings stay below.</summary>
    public double MedianPromptSeconds => Median(PromptSeconds);

    /// <summary>The seconds that half of the steps stay below.</summary>
    public double MedianStepSeconds => Median(StepSeconds);

    /// <summary>Prompt tokens read in a second, at the median.</summary>
    public double PromptTokensPerSecond => PromptTokens / MedianPromptSeconds;

    /// <summary>10^9 floating-point operations a second while a prompt is read, at the median.</summary>
    public double PromptGflops => PromptFlops / MedianPromptSeconds / 1e9;

    /// <summary>Tokens decoded in a second, those of all sequences together, at the median.</summary>
    public double TokensPerSecond => BatchSize / MedianStepSeconds;

    /// <summary>10^9 bytes that a step must read, a second, at the median.</summary>
    public double StepGigabytesPerSecond => StepBytes / MedianStepSeconds / 1e9;

    /// <summary>The share of the multiply-add peak that half of the readings stay below.</summary>
    public double PromptShareOfPeak => Median(PromptShares);

    /// <summary>The share of memory's speed that half of the steps stay below.</summary>
    public double StepShareOfMemory => Median(StepShares);

    private static double Median(IReadOnlyList<double> sorted) => (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
}
