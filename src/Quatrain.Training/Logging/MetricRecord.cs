namespace Quatrain.Training.Logging;

/// <summary>One line of a run's metrics.</summary>
/// <param name="Step">The number of updates made so far.</param>
public abstract record MetricRecord(long Step);

/// <summary>What one update showed.</summary>
/// <param name="Step">The number of updates made, this one included.</param>
/// <param name="Loss">The mean training loss of its batch, in nats a token.</param>
/// <param name="LearningRate">The learning rate it used.</param>
/// <param name="GradientNorm">The norm of the whole gradient before clipping.</param>
/// <param name="TokensPerSecond">Tokens trained on in a second.</param>
/// <param name="Seconds">Seconds since the run began, earlier parts of a resumed run included.</param>
public sealed record StepRecord(long Step, double Loss, double LearningRate, double GradientNorm, double TokensPerSecond, double Seconds)
    : MetricRecord(Step);

/// <summary>What an evaluation showed.</summary>
/// <param name="Step">The number of updates the model has had.</param>
/// <param name="ValidationLoss">The mean loss over the validation targets scored, in nats a token.</param>
/// <param name="Floor">The least loss any model can reach on this data, where it is known.</param>
/// <param name="ParseShare">The share of sampled verses that the grammar accepts, where there is one.</param>
/// <param name="RhymeShare">The share of sampled verses that rhyme as they should, where that is defined.</param>
/// <param name="BitsPerByte">The validation loss in bits for each byte of the text, by which models of different tokenizers can be compared.</param>
/// <param name="Accuracy">The share of the validation examples that a classifier gets right.</param>
public sealed record EvaluationRecord(
    long Step, double ValidationLoss, double? Floor = null, double? ParseShare = null, double? RhymeShare = null, double? BitsPerByte = null, double? Accuracy = null)
    : MetricRecord(Step);
