namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>Makes a classifier's probabilities mean what they say, and measures how far they do.</summary>
/// <remarks>Source: Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017.</remarks>
public static class Calibration
{
    /// <summary>The least and the largest temperature that is ever fitted.</summary>
    public const double LeastTemperature = 0.05, LargestTemperature = 20;

    /// <summary>The number of bins that Guo et al. use.</summary>
    public const int UsualBins = 15;

    /// <summary>
    /// The temperature T in [<see cref="LeastTemperature"/>, <see cref="LargestTemperature"/>] that minimises the mean of
    /// -log softmax(logits / T)[label]. Where every text is right, the likelihood only grows as T falls, and where all logits are equal it is flat:
    /// such examples say nothing about T, and it stays 1. So it does without examples.
    /// </summary>
    public static double FitTemperature(IReadOnlyList<ScoredExample> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (examples.Count == 0)
        {
            return 1;
        }

        ScoredExample.RequireValid(examples, examples[0].Logits.Length);
        if (examples.All(example => example.Logits[example.Label] == example.Logits.Max()))
        {
            return 1;
        }

        // In b = 1 / T the loss is convex, so its slope, which only rises, is halved down to one double.
        double low = 1 / LargestTemperature, high = 1 / LeastTemperature;
        if (Slope(examples, low) >= 0)
        {
            return LargestTemperature;
        }

        if (Slope(examples, high) <= 0)
        {
            return LeastTemperature;
        }

        for (double middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2)
        {
            (low, high) = Slope(examples, middle) < 0 ? (middle, high) : (low, middle);
        }

        return 1 / low;
    }

    /// <summary>
    /// The expected calibration error: over <paramref name="bins"/> bins of equal width, the mean of |accuracy - confidence| weighted by the texts in a bin,
    /// where a text's confidence is the probability of its most probable class. 0 without examples.
    /// </summary>
    public static double ExpectedCalibrationError(IReadOnlyList<ScoredExample> examples, double temperature, int bins = UsualBins) =>
        ExpectedCalibrationError(ReliabilityBins(examples, temperature, bins));

    /// <summary>The expected calibration error of texts that are already sorted into bins.</summary>
    public static double ExpectedCalibrationError(IReadOnlyList<ReliabilityBin> bins)
    {
        ArgumentNullException.ThrowIfNull(bins);
        int count = bins.Sum(bin => bin.Count);
        return count == 0 ? 0 : bins.Sum(bin => bin.Count * Math.Abs(bin.Accuracy - bin.Confidence)) / count;
    }

    /// <summary>The texts sorted by the probability of their most probable class into bins of equal width over (0, 1].</summary>
    public static ReliabilityBin[] ReliabilityBins(IReadOnlyList<ScoredExample> examples, double temperature, int bins = UsualBins)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        int[] counts = new int[bins], right = new int[bins];
        double[] confidences = new double[bins];
        foreach (ScoredExample example in examples)
        {
            double[] probabilities = ClassProbabilities.Softmax(example.Logits, temperature);
            int predicted = ClassProbabilities.ArgMax(probabilities);
            int bin = Math.Clamp((int)Math.Ceiling(probabilities[predicted] * bins) - 1, 0, bins - 1);
            counts[bin]++;
            right[bin] += predicted == example.Label ? 1 : 0;
            confidences[bin] += probabilities[predicted];
        }

        return
        [
            .. Enumerable.Range(0, bins).Select(i => new ReliabilityBin(
                (double)i / bins,
                (double)(i + 1) / bins,
                counts[i],
                counts[i] == 0 ? 0 : confidences[i] / counts[i],
                counts[i] == 0 ? 0 : (double)right[i] / counts[i])),
        ];
    }

    /// <summary>The derivative of the mean negative log-likelihood by b = 1 / T: the mean of E_p[logit] - logit[label].</summary>
    internal static double Slope(IReadOnlyList<ScoredExample> examples, double inverseTemperature)
    {
        double sum = 0;
        foreach (ScoredExample example in examples)
        {
            double[] probabilities = ClassProbabilities.Softmax(example.Logits, 1 / inverseTemperature);
            for (int i = 0; i < probabilities.Length; i++)
            {
                sum += probabilities[i] * ((double)example.Logits[i] - example.Logits[example.Label]);
            }
        }

        return sum / examples.Count;
    }
}
