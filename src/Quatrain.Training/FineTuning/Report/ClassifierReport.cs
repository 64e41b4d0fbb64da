using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>Everything a reader of a classifier's report is told.</summary>
public sealed record ClassifierReport
{
    /// <summary>The most wrong answers that are listed.</summary>
    public const int MaximumMistakes = 100;

    /// <summary>The heading.</summary>
    public required string Title { get; init; }

    /// <summary>The model it was made from, in words: name, layers, parameters.</summary>
    public required string Model { get; init; }

    /// <summary>Which parameters were trained, in words.</summary>
    public required string Trained { get; init; }

    /// <summary>The options of the run, in the order to show them.</summary>
    public IReadOnlyList<ReportOption> Options { get; init; } = [];

    /// <summary>The texts it was trained and tested on.</summary>
    public required DataSummary Data { get; init; }

    /// <summary>How training went.</summary>
    public required TrainingSummary Training { get; init; }

    /// <summary>What validation and test part say of the classifier.</summary>
    public required ClassifierEvaluation Evaluation { get; init; }

    /// <summary>A simpler classifier of the same texts; null if none was trained.</summary>
    public BaselineSummary? Baseline { get; init; }
}

/// <summary>An option of a run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value as a person would write it.</param>
public sealed record ReportOption(string Name, string Value);

/// <summary>A simpler classifier, for comparison.</summary>
/// <param name="Name">What it is, in words.</param>
/// <param name="Seconds">The seconds it took to train.</param>
/// <param name="Evaluation">What the same parts say of it; its test texts are those of the classifier, in the same order.</param>
public sealed record BaselineSummary(string Name, double Seconds, ClassifierEvaluation Evaluation);
