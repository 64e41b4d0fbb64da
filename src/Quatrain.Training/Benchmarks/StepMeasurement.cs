using Quatrain.Tensors.Profiling;

namespace Quatrain.Training.Benchmarks;

/// <summary>What a model's training step takes: its time over many steps, and where the time goes.</summary>
public sealed record StepMeasurement
{
    /// <summary>The seconds of each step that was measured as a whole, the shortest first.</summary>
    public required IReadOnlyList<double> Seconds { get; init; }

    /// <summary>The tokens that one step trains on.</summary>
    public required long TokensPerStep { get; init; }

    /// <summary>The floating-point operations of one step by the field's count, <see cref="Models.Gpt2.Gpt2Flops"/>.</summary>
    public required double FlopsPerStep { get; init; }

    /// <summary>The most memory the process has held, in bytes; 0 where the system doesn't tell.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>The steps, others than those of <see cref="Seconds"/>, whose operations were measured.</summary>
    public required int ProfiledSteps { get; init; }

    /// <summary>What the profiled steps took together.</summary>
    public required double ProfiledSeconds { get; init; }

    /// <summary>The operations of the profiled steps together, the one that took longest first.</summary>
    public required IReadOnlyList<OperationTotal> Operations { get; init; }

    /// <summary>The seconds that half of all steps stay below.</summary>
    public double MedianSeconds => (Seconds[(Seconds.Count - 1) / 2] + Seconds[Seconds.Count / 2]) / 2;

    /// <summary>The seconds of the fastest step.</summary>
    public double LeastSeconds => Seconds[0];

    /// <summary>10^9 floating-point operations a second, at the median.</summary>
    public double Gflops => FlopsPerStep / MedianSeconds / 1e9;

    /// <summary>Tokens trained on in a second, at the median.</summary>
    public double TokensPerSecond => TokensPerStep / MedianSeconds;

    /// <summary>The part of <see cref="ProfiledSeconds"/> that no operation accounts for: drawing the batch, and calling the operations.</summary>
    public double OtherSeconds => ProfiledSeconds - Operations.Sum(total => total.Seconds);
}
