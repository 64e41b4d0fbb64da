namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>Where a share probably lies, given how often it was seen.</summary>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
public readonly record struct ShareInterval(double Low, double High)
{
    // The 97.5 % point of the normal distribution.
    private const double Z = 1.959963984540054;

    /// <summary>
    /// The 95 % interval of a share of which <paramref name="successes"/> in <paramref name="count"/> were seen; [0, 1] if nothing was.
    /// It stays within [0, 1] and holds for small counts too.
    /// </summary>
    /// <remarks>Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.</remarks>
    public static ShareInterval Wilson(int successes, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(successes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(successes, count);
        if (count == 0)
        {
            return new(0, 1);
        }

        double share = (double)successes / count;
        double scale = 1 / (1 + Z * Z / count);
        double middle = scale * (share + Z * Z / (2 * count));
        double reach = scale * Z * Math.Sqrt(share * (1 - share) / count + Z * Z / (4.0 * count * count));
        return new(successes == 0 ? 0 : middle - reach, successes == count ? 1 : middle + reach);
    }
}
