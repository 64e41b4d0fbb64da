namespace Quatrain.Tests;

/// <summary>How far two series of numbers are apart.</summary>
internal static class Differences
{
    /// <summary>
    /// The largest absolute difference of two elements at one place; infinite where one is NaN and the other is not. Assertions that order
    /// numbers put NaN below all others, so a NaN must not reach one.
    /// </summary>
    public static double Largest(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        actual.Length.ShouldBe(expected.Length);
        double largest = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            // Equal infinities, as those of a mask, have no difference that is a number.
            double difference = actual[i].Equals(expected[i]) ? 0 : Math.Abs((double)actual[i] - expected[i]);
            largest = Math.Max(largest, double.IsNaN(difference) ? double.PositiveInfinity : difference);
        }

        return largest;
    }
}
