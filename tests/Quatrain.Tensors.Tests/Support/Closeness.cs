using System.Runtime.InteropServices;
using Quatrain.Tensors.Tests.Reference;

namespace Quatrain.Tensors.Tests.Support;

/// <summary>Comparisons of float32 results with references in double precision, and of results bit by bit.</summary>
internal static class Closeness
{
    /// <summary>The largest relative error of one rounding to float32.</summary>
    public const double Rounding = 1.0 / (1 << 24);

    /// <summary>
    /// Fails unless each element lies within <paramref name="roundings"/> roundings of the reference, a rounding being relative to the sum of
    /// the absolute terms that the element is made of: the bound that error analysis gives for sums in any order.
    /// </summary>
    /// <returns>The largest error, relative to the largest element (or to a hundredth of its terms where they cancel).</returns>
    public static double ShouldMatch(ReadOnlySpan<float> actual, ReferenceResult expected, double roundings, string what)
    {
        actual.Length.ShouldBe(expected.Values.Length, what);
        double worst = 0, largest = double.Epsilon;
        for (int i = 0; i < actual.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected.Values[i]);
            double bound = roundings * Rounding * expected.Magnitudes[i];
            if (!(error <= bound))
            {
                Assert.Fail($"{what}: element {i} is {actual[i]:G9}, not {expected.Values[i]:G9}; the error {error:E2} exceeds {bound:E2}");
            }

            worst = Math.Max(worst, error);
            largest = Math.Max(largest, Math.Max(Math.Abs(expected.Values[i]), 0.01 * expected.Magnitudes[i]));
        }

        return worst / largest;
    }

    /// <summary>Fails unless all bits are the same.</summary>
    public static void ShouldBeSameBits(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, string what)
    {
        ReadOnlySpan<int> a = MemoryMarshal.Cast<float, int>(actual), b = MemoryMarshal.Cast<float, int>(expected);
        a.Length.ShouldBe(b.Length, what);
        int first = a.CommonPrefixLength(b);
        if (first < a.Length)
        {
            Assert.Fail($"{what}: element {first} is {actual[first]:G9}, not exactly {expected[first]:G9}");
        }
    }
}
