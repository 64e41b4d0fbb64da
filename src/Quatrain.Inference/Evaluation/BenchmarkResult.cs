namespace Quatrain.Inference.Evaluation;

/// <summary>A share of items, and how far it may be off.</summary>
/// <param name="Hits">The items that hit.</param>
/// <param name="Items">All items.</param>
public readonly record struct Share(int Hits, int Items)
{
    /// <summary>The share.</summary>
    public double Value => (double)Hits / Items;

    /// <summary>The standard error of the share, by the sample's variance; NaN for fewer than two items.</summary>
    public double StandardError => Items < 2 ? double.NaN : Math.Sqrt(Value * (1 - Value) / (Items - 1));
}

/// <summary>A model's result on a benchmark, from the outcomes of its items.</summary>
public sealed class BenchmarkResult
{
    /// <summary>The result over <paramref name="outcomes"/>, at least one.</summary>
    public BenchmarkResult(BenchmarkKind kind, IReadOnlyList<BenchmarkOutcome> outcomes)
    {
        ArgumentNullException.ThrowIfNull(outcomes);
        ArgumentOutOfRangeException.ThrowIfZero(outcomes.Count);
        Kind = kind;
        Items = outcomes.Count;
        Truncated = outcomes.Count(outcome => outcome.IsTruncated);
        if (kind == BenchmarkKind.Lambada)
        {
            double[] losses = [.. outcomes.Select(outcome => outcome.Scores[0].Loss)];
            Accuracy = new Share(outcomes.Count(outcome => outcome.Scores[0].IsGreedy), Items);
            MeanLoss = losses.Average();
            double variance = losses.Sum(loss => (loss - MeanLoss.Value) * (loss - MeanLoss.Value)) / (Items - 1);
            MeanLossStandardError = Math.Sqrt(variance / Items);
        }
        else
        {
            Accuracy = new Share(outcomes.Count(outcome => outcome.Chosen == outcome.Item.Label), Items);
            AccuracyByToken = new Share(outcomes.Count(outcome => outcome.ChosenByMean == outcome.Item.Label), Items);
            AccuracyByCharacter = new Share(outcomes.Count(outcome => outcome.ChosenByCharacter == outcome.Item.Label), Items);
        }
    }

    /// <summary>Which benchmark.</summary>
    public BenchmarkKind Kind { get; }

    /// <summary>The items scored.</summary>
    public int Items { get; }

    /// <summary>The items whose context was longer than the model's, so that its oldest tokens were left out.</summary>
    public int Truncated { get; }

    /// <summary>HellaSwag: the right ending has the lowest loss. LAMBADA: greedy decoding writes every token of the last word.</summary>
    public Share Accuracy { get; }

    /// <summary>HellaSwag: the right ending has the lowest loss a token, what llm.c and build-nanogpt call acc_norm.</summary>
    public Share? AccuracyByToken { get; }

    /// <summary>HellaSwag: the right ending has the lowest loss a character, what lm-evaluation-harness calls acc_norm.</summary>
    public Share? AccuracyByCharacter { get; }

    /// <summary>LAMBADA: the mean over the items of -log p(last word), in nats.</summary>
    public double? MeanLoss { get; }

    /// <summary>The standard error of <see cref="MeanLoss"/>; NaN for a single item.</summary>
    public double? MeanLossStandardError { get; }

    /// <summary>LAMBADA: e^<see cref="MeanLoss"/>, as lm-evaluation-harness has it: a word's, not a token's.</summary>
    public double? Perplexity => MeanLoss is { } loss ? Math.Exp(loss) : null;
}
