using Quatrain.Inference.Sampling;

namespace Quatrain.Inference.Tests.Sampling;

/// <summary>The sampler's definition, step by step on whole lists, with probabilities that add up to 1 after every filter.</summary>
internal static class ReferenceSampler
{
    /// <summary>The tokens left and their probabilities, in the order of the draw.</summary>
    public static List<(int Id, double Probability)> Distribution(SamplingOptions options, float[] logits, int[] recentTokens)
    {
        float[] scores = [.. logits];
        foreach (int token in recentTokens.Distinct())
        {
            double penalty = options.RepetitionPenalty;
            scores[token] = (float)(scores[token] > 0 ? scores[token] / penalty : scores[token] * penalty);
        }

        if (options.Temperature == 0)
        {
            return [(Enumerable.Range(0, scores.Length).MaxBy(id => scores[id]), 1)];
        }

        double max = scores.Max();
        IEnumerable<(int Id, double Probability)> all = scores.Select((score, id) => (id, Math.Exp((score - max) / options.Temperature)));
        bool isFiltered = (options.TopK > 0 && options.TopK < logits.Length) || options.TopP < 1 || options.MinP > 0;
        if (!isFiltered)
        {
            return Normalize(all);
        }

        // OrderBy is stable, so equal scores stay in the order of their ids.
        List<(int Id, double Probability)> left = Normalize(all.OrderByDescending(token => scores[token.Id]));
        if (options.TopK > 0)
        {
            left = Normalize(left.Take(options.TopK));
        }

        if (options.TopP < 1)
        {
            // Twenty equal tokens: eighteen reach 0.9, though eighteen times 0.05 added up in doubles falls just short.
            const double Rounding = 1e-12;
            int count = 1;
            while (count < left.Count && left.Take(count).Sum(token => token.Probability) < options.TopP - Rounding)
            {
                count++;
            }

            left = Normalize(left.Take(count));
        }

        return Normalize(left.Where(token => token.Probability >= options.MinP * left[0].Probability));
    }

    public static int Draw(List<(int Id, double Probability)> distribution, double uniform)
    {
        double sum = 0;
        foreach ((int id, double probability) in distribution)
        {
            sum += probability;
            if (sum > uniform)
            {
                return id;
            }
        }

        return distribution.Last(token => token.Probability > 0).Id;
    }

    private static List<(int Id, double Probability)> Normalize(IEnumerable<(int Id, double Probability)> tokens)
    {
        List<(int Id, double Probability)> list = [.. tokens];
        double total = list.Sum(token => token.Probability);
        return [.. list.Select(token => (token.Id, token.Probability / total))];
    }
}
