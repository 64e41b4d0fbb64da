namespace Quatrain.Training.FineTuning.Report;

/// <summary>How the training of a classifier went.</summary>
/// <param name="Curve">One point an evaluation, in order.</param>
/// <param name="BestEpoch">The epochs after which the weights that were kept were best on the validation part; null if the last were kept.</param>
/// <param name="Seconds">The seconds it took, evaluations included.</param>
/// <param name="ExamplesPerSecond">The texts trained on in a second.</param>
/// <param name="PrefixCache">What was kept of the frozen layers' output; null if nothing was.</param>
public sealed record TrainingSummary(
    IReadOnlyList<CurvePoint> Curve, double? BestEpoch, double Seconds, double ExamplesPerSecond, PrefixCacheSummary? PrefixCache = null);

/// <summary>What an evaluation during training showed.</summary>
/// <param name="Epoch">How often every training text had been seen; a fraction within an epoch.</param>
/// <param name="Examples">The texts trained on so far.</param>
/// <param name="TrainingLoss">The mean training loss since the evaluation before, in nats; null before training.</param>
/// <param name="ValidationLoss">The loss of the validation part, in nats.</param>
/// <param name="ValidationAccuracy">The share of the validation part that is right.</param>
public sealed record CurvePoint(double Epoch, long Examples, double? TrainingLoss, double? ValidationLoss, double? ValidationAccuracy);

/// <summary>What keeping the frozen layers' output cost and saved.</summary>
/// <param name="Bytes">The memory or disk it takes.</param>
/// <param name="FillSeconds">The seconds to compute it once.</param>
/// <param name="EpochSpeedup">How many times faster an epoch is with it than without; null if that was not measured.</param>
public sealed record PrefixCacheSummary(long Bytes, double FillSeconds, double? EpochSpeedup);
