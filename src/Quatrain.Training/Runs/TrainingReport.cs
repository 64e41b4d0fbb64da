namespace Quatrain.Training.Runs;

/// <summary>How a run ended.</summary>
public sealed record TrainingReport
{
    /// <summary>The updates done, those before a resume included.</summary>
    public required long Steps { get; init; }

    /// <summary>Whether the run was stopped before its last step and evaluation.</summary>
    public required bool Interrupted { get; init; }

    /// <summary>The mean training loss of the last 50 steps, in nats a token; null before the first step.</summary>
    public double? TrainLoss { get; init; }

    /// <summary>The last model's loss on the whole validation part; null where there is none or the run was interrupted.</summary>
    public double? ValidationLoss { get; init; }

    /// <summary>The same of the best model, which is the one in the run folder.</summary>
    public double? BestValidationLoss { get; init; }

    /// <summary>The best model's loss in bits for each byte of the validation text.</summary>
    public double? BestBitsPerByte { get; init; }

    /// <summary>The step of the best model.</summary>
    public long? BestStep { get; init; }

    /// <summary>The least loss any model can reach on this data, where it is known.</summary>
    public double? Floor { get; init; }

    /// <summary>The share of the best model's sampled verses that parse, where the data has a grammar.</summary>
    public double? ParseShare { get; init; }

    /// <summary>The share of them that rhyme.</summary>
    public double? RhymeShare { get; init; }

    /// <summary>Seconds the run took, parts before a resume included.</summary>
    public required double Seconds { get; init; }

    /// <summary>The median over the steps of this process; null where there was none.</summary>
    public double? TokensPerSecond { get; init; }

    /// <summary>The model's weights.</summary>
    public required long Parameters { get; init; }
}

/// <summary>The loss or the gradient became NaN or infinite, and the run stopped before the weights did.</summary>
public sealed class TrainingDivergedException(string message) : Exception(message);
