namespace Quatrain.Tensors.Tests.Reference;

/// <summary>The standard normal distribution in double precision, to about 1e-15 (1e-14 relative in the tails).</summary>
internal static class NormalDistribution
{
    /// <summary>exp(-x^2 / 2) / sqrt(2 pi).</summary>
    public static double Density(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);

    /// <summary>The probability of a value below <paramref name="x"/>.</summary>
    /// <remarks>
    /// Near 0 the series phi(x) (x + x^3/3 + x^5/15 + ...) around one half; further out the continued fraction
    /// phi(x) / (x + 1 / (x + 2 / (x + 3 / ...))) of the tail (Abramowitz and Stegun, 26.2.11 and 26.2.14).
    /// </remarks>
    public static double Probability(double x)
    {
        double z = Math.Abs(x), tail;
        if (z < 3)
        {
            double term = z, sum = z;
            for (int i = 3; term > 1e-20 * sum; i += 2)
            {
                term *= z * z / i;
                sum += term;
            }

            tail = 0.5 - Density(z) * sum;
        }
        else
        {
            double fraction = z;
            for (int i = 200; i > 0; i--)
            {
                fraction = z + i / fraction;
            }

            tail = Density(z) / fraction;
        }

        return x < 0 ? tail : 1 - tail;
    }
}
