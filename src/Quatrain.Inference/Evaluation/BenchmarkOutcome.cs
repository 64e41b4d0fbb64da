namespace Quatrain.Inference.Evaluation;

/// <summary>What a model made of one item.</summary>
/// <param name="Item">The item.</param>
/// <param name="Scores">One a choice.</param>
/// <param name="IsTruncated">Whether the context was longer than the model's, so that its oldest tokens were left out.</param>
public sealed record BenchmarkOutcome(BenchmarkItem Item, IReadOnlyList<ContinuationScore> Scores, bool IsTruncated)
{
    /// <summary>The choice of the lowest loss.</summary>
    public int Chosen => Lowest(score => score.Loss);

    /// <summary>The choice of the lowest loss a token.</summary>
    public int ChosenByMean => Lowest(score => score.MeanLoss);

    /// <summary>The choice of the lowest loss a character, the space before it not counted.</summary>
    public int ChosenByCharacter
    {
        get
        {
            int chosen = 0;
            for (int i = 1; i < Scores.Count; i++)
            {
                chosen = Scores[i].Loss / Length(i) < Scores[chosen].Loss / Length(chosen) ? i : chosen;
            }

            return chosen;
        }
    }

    // Characters are counted as Unicode has them: a pair of surrogates is one.
    private double Length(int choice) => Math.Max(1, Item.Choices[choice].EnumerateRunes().Count() - 1);

    private int Lowest(Func<ContinuationScore, double> loss)
    {
        int chosen = 0;
        for (int i = 1; i < Scores.Count; i++)
        {
            chosen = loss(Scores[i]) < loss(Scores[chosen]) ? i : chosen;
        }

        return chosen;
    }
}
