using Quatrain.Training.FineTuning.Metrics;

namespace Quatrain.Training.FineTuning.Report;

/// <summary>
/// How often each score was given, for two groups of texts. Scores are log-odds in bins of equal width over [-Range, Range]: probabilities themselves crowd at 0 and 1.
/// The outer bins hold what lies beyond.
/// </summary>
/// <param name="ScoreName">What the score is the probability of.</param>
/// <param name="Range">Where the axis ends.</param>
/// <param name="FirstName">The group that should score high.</param>
/// <param name="First">Its texts in each bin.</param>
/// <param name="SecondName">The group that should score low.</param>
/// <param name="Second">Its texts in each bin.</param>
internal sealed record ScoreHistogram(
    string ScoreName, double Range, string FirstName, IReadOnlyList<int> First, string SecondName, IReadOnlyList<int> Second)
{
    private const int Bins = 40;
    private const double LeastRange = 3, LargestRange = 10;

    /// <summary>
    /// The test texts of the class shown against the rest, by its probability; where no class is, those answered right against those answered wrong, by
    /// the probability of the answer.
    /// </summary>
    public static ScoreHistogram Of(ClassifierEvaluation evaluation)
    {
        if (evaluation.ShownClass is { } shown)
        {
            string name = evaluation.LabelNames[shown];
            return Count(
                $"probability of “{name}”", name, evaluation.LabelNames.Count == 2 ? evaluation.LabelNames[1 - shown] : "the rest",
                evaluation.TestExamples.Select(example => (ClassProbabilities.LogOdds(example.Logits, shown, evaluation.Temperature), example.Label == shown)));
        }

        return Count(
            "probability of the answer", "right", "wrong",
            evaluation.TestExamples.Select(example => (Example: example, Answer: evaluation.Decide(example)))
                .Select(pair => (ClassProbabilities.LogOdds(pair.Example.Logits, pair.Answer, evaluation.Temperature), pair.Answer == pair.Example.Label)));
    }

    private static ScoreHistogram Count(string scoreName, string firstName, string secondName, IEnumerable<(double Score, bool IsFirst)> scores)
    {
        (double Score, bool IsFirst)[] scored = [.. scores];
        double range = Math.Clamp(scored.Select(pair => Math.Abs(pair.Score)).DefaultIfEmpty(0).Max() * 1.02, LeastRange, LargestRange);
        int[] first = new int[Bins], second = new int[Bins];
        foreach ((double score, bool isFirst) in scored)
        {
            int bin = (int)Math.Clamp(Math.Floor((score + range) / (2 * range) * Bins), 0, Bins - 1);
            (isFirst ? first : second)[bin]++;
        }

        return new(scoreName, range, firstName, first, secondName, second);
    }
}
