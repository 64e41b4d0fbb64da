using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Tests.Reference;
using Xunit.Abstractions;

namespace Quatrain.Tensors.Tests.Kernels;

/// <summary>The error bounds that the docs of <see cref="VectorMath"/> state, for every width of register; widths the machine lacks run in software.</summary>
public sealed unsafe class VectorMathTests(ITestOutputHelper output)
{
    [Fact]
    public void Exp_is_within_two_units_in_the_last_place()
    {
        double worst = 0;
        foreach (double x in Grid(-87.29, 88, 200_000))
        {
            foreach (float value in AllWidths<ExpFunction>((float)x))
            {
                double expected = Math.Exp((float)x);
                worst = Math.Max(worst, Math.Abs(value - expected) / (MathF.BitIncrement((float)expected) - (float)expected));
            }
        }

        output.WriteLine($"Exp: {worst:F2} units in the last place");
        worst.ShouldBeLessThan(2);
    }

    [Theory]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(-1e30f, 0f)]
    [InlineData(-87.4f, 0f)]
    [InlineData(0f, 1f)]
    [InlineData(1e-30f, 1f)]
    public void Exp_is_exact_at_zero_and_far_below(float x, float expected) => AllWidths<ExpFunction>(x).ShouldAllBe(value => value == expected);

    [Theory]
    [InlineData(88.5f)]
    [InlineData(1000f)]
    [InlineData(float.PositiveInfinity)]
    public void Exp_stays_finite_above_88(float x)
    {
        foreach (float value in AllWidths<ExpFunction>(x))
        {
            ((double)value).ShouldBe(Math.Exp(88), Math.Exp(88) * 3e-7);
        }
    }

    [Fact]
    public void PowerOfTwoBelowOne_is_within_two_units_in_the_last_place()
    {
        double worst = 0;
        foreach (double x in Grid(-100, 0, 200_000))
        {
            foreach (float value in AllWidths<PowerOfTwoFunction>((float)x))
            {
                double expected = Math.Pow(2, (float)x);
                worst = Math.Max(worst, Math.Abs(value - expected) / (MathF.BitIncrement((float)expected) - (float)expected));
            }
        }

        output.WriteLine($"PowerOfTwoBelowOne: {worst:F2} units in the last place");
        worst.ShouldBeLessThan(2);
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(1e-4f, 1f)]
    [InlineData(1e9f, 1f)]
    [InlineData(-3f, 0.125f)]
    [InlineData(-101f, 7.888609e-31f)]
    [InlineData(-1e30f, 7.888609e-31f)]
    [InlineData(float.NegativeInfinity, 7.888609e-31f)]
    public void PowerOfTwoBelowOne_is_exact_at_integers_and_stays_at_its_least_far_below(float x, float expected) =>
        AllWidths<PowerOfTwoFunction>(x).ShouldAllBe(value => value == expected);

    [Fact]
    public void Tanh_is_within_its_absolute_error()
    {
        double worst = 0;
        foreach (double x in Grid(-20, 20, 100_000))
        {
            foreach (float value in AllWidths<TanhFunction>((float)x))
            {
                worst = Math.Max(worst, Math.Abs(value - Math.Tanh((float)x)));
            }
        }

        output.WriteLine($"Tanh: absolute error {worst:E1}");
        worst.ShouldBeLessThan(2e-7);
        AllWidths<TanhFunction>(1e30f).ShouldAllBe(value => value == 1);
        AllWidths<TanhFunction>(-1e30f).ShouldAllBe(value => value == -1);
    }

    [Fact]
    public void NormalDistribution_is_within_its_absolute_error_and_its_tail_within_a_relative_one()
    {
        double worst = 0, worstTail = 0, worstDensity = 0;
        foreach (double grid in Grid(-12, 12, 50_000))
        {
            float x = (float)grid;
            double expected = NormalDistribution.Probability(x), density = NormalDistribution.Density(x);
            foreach (float value in AllWidths<ProbabilityFunction>(x))
            {
                worst = Math.Max(worst, Math.Abs(value - expected));
                worstTail = x is > -9 and < 0 ? Math.Max(worstTail, Math.Abs(value - expected) / expected) : worstTail;
            }

            foreach (float value in AllWidths<DensityFunction>(x))
            {
                worstDensity = Math.Max(worstDensity, Math.Abs(value - density));
            }
        }

        output.WriteLine($"Phi: absolute error {worst:E1}, relative below zero {worstTail:E1}; density: absolute error {worstDensity:E1}");
        worst.ShouldBeLessThan(2e-7);
        worstDensity.ShouldBeLessThan(2e-7);
        // The polynomial's 5e-8, and the exponential of a square that is rounded itself: z^2 / 2 roundings.
        worstTail.ShouldBeLessThan(5e-6);
    }

    private interface IFunction
    {
        static abstract V Value<V>(V x)
            where V : unmanaged, ILanes<V>;
    }

    private readonly struct ExpFunction : IFunction
    {
        public static V Value<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.Exp(x);
    }

    private readonly struct PowerOfTwoFunction : IFunction
    {
        public static V Value<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.PowerOfTwoBelowOne(x);
    }

    private readonly struct TanhFunction : IFunction
    {
        public static V Value<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.Tanh(x);
    }

    private readonly struct ProbabilityFunction : IFunction
    {
        public static V Value<V>(V x)
            where V : unmanaged, ILanes<V> => VectorMath.NormalDistribution(x, out _);
    }

    private readonly struct DensityFunction : IFunction
    {
        public static V Value<V>(V x)
            where V : unmanaged, ILanes<V>
        {
            VectorMath.NormalDistribution(x, out V density);
            return density;
        }
    }

    private static IEnumerable<double> Grid(double first, double last, int count)
    {
        for (int i = 0; i <= count; i++)
        {
            yield return first + (last - first) * i / count;
        }
    }

    /// <summary>The function's value from each width of register; all lanes of a register must agree.</summary>
    private static float[] AllWidths<T>(float x)
        where T : IFunction => [One<T, Lanes1>(x), One<T, Lanes4>(x), One<T, Lanes8>(x), One<T, Lanes16>(x)];

    private static float One<T, V>(float x)
        where T : IFunction
        where V : unmanaged, ILanes<V>
    {
        float* lanes = stackalloc float[V.Count];
        T.Value(V.Broadcast(x)).Store(lanes);
        for (int lane = 1; lane < V.Count; lane++)
        {
            if (lanes[lane] != lanes[0])
            {
                Assert.Fail($"lane {lane} of {V.Count} differs at {x:G9}");
            }
        }

        return lanes[0];
    }
}
