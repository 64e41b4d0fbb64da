using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class DropoutTests
{
    private const int Count = 100_000;

    [Theory]
    [InlineData(0.001f)]
    [InlineData(0.1f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    [InlineData(0.999f)]
    public void The_rate_is_the_share_that_is_dropped_and_the_mean_is_kept(float rate)
    {
        float[] mask = Mask<Lanes1>(new Dropout(rate, 42), Count);

        int dropped = mask.Count(factor => factor == 0);
        // Four standard deviations of a binomial count; the key is fixed, so this passes always or never.
        ((double)dropped).ShouldBe(Count * (double)rate, 4 * Math.Sqrt(Count * rate * (1 - rate)));
        mask.Where(factor => factor != 0).ShouldAllBe(factor => factor == 1 / (1 - rate));
    }

    [Fact]
    public void A_rate_of_zero_is_not_active()
    {
        new Dropout(0, 1).Active.ShouldBeFalse();
        Dropout.None.Active.ShouldBeFalse();
        new Dropout(1e-6f, 1).Active.ShouldBeTrue();
    }

    [Fact]
    public void The_rate_next_to_one_drops_nearly_all()
    {
        Mask<Lanes1>(new Dropout(MathF.BitDecrement(1), 1), Count).Count(factor => factor == 0).ShouldBeGreaterThan(Count - 10);
    }

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(1f)]
    [InlineData(1.5f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Rates_outside_zero_to_one_are_refused(float rate) =>
        Should.Throw<ArgumentOutOfRangeException>(() => new Dropout(rate, 1)).Message.ShouldContain("[0, 1)");

    [Fact]
    public void The_mask_is_the_same_for_every_width_of_register()
    {
        Dropout dropout = new(0.4f, 0x123456789ABCDEF0);
        float[] expected = Mask<Lanes1>(dropout, 1000);
        Mask<Lanes4>(dropout, 1000).ShouldBe(expected);
        Mask<Lanes8>(dropout, 1000).ShouldBe(expected);
        Mask<Lanes16>(dropout, 1000).ShouldBe(expected);
    }

    [Fact]
    public void Masks_of_other_steps_operations_and_parts_are_unrelated()
    {
        // Keys as a tape makes them, from the step's seed and the number of the operation.
        Dropout dropout = new(0.5f, RandomSource.Mix(1, 1));
        Dropout[] all =
        [
            dropout, new(0.5f, RandomSource.Mix(1, 2)), new(0.5f, RandomSource.Mix(1, 3)), new(0.5f, RandomSource.Mix(2, 1)), new(0.5f, RandomSource.Mix(2, 2)),
            dropout.ForPart(0), dropout.ForPart(1), dropout.ForPart(2),
        ];
        float[][] masks = [.. all.Select(each => Mask<Lanes1>(each, Count))];
        for (int i = 0; i < masks.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                int same = masks[i].Zip(masks[j]).Count(pair => pair.First == pair.Second);
                ((double)same).ShouldBe(Count / 2.0, 4 * Math.Sqrt(Count) / 2, $"masks {i} and {j}");
            }
        }
    }

    [Fact]
    public void Neighbours_are_unrelated_along_rows_and_along_the_high_half_of_the_index()
    {
        Dropout dropout = new(0.5f, 3);
        float[] mask = Mask<Lanes1>(dropout, Count);
        foreach (int distance in (ReadOnlySpan<int>)[1, 2, 64, 1024])
        {
            int same = Enumerable.Range(0, Count - distance).Count(i => mask[i] == mask[i + distance]);
            ((double)same).ShouldBe((Count - distance) / 2.0, 4 * Math.Sqrt(Count) / 2, $"distance {distance}");
        }

        // Attention puts the key's position there.
        int sameAcross = Enumerable.Range(0, Count).Count(i => mask[i] == dropout.Mask<Lanes1>((uint)i + (1u << 16)).Sum());
        ((double)sameAcross).ShouldBe(Count / 2.0, 4 * Math.Sqrt(Count) / 2);
    }

    private static float[] Mask<V>(Dropout dropout, int count)
        where V : unmanaged, ILanes<V>
    {
        float[] mask = new float[count + V.Count];
        fixed (float* start = mask)
        {
            for (int i = 0; i < count; i += V.Count)
            {
                dropout.Mask<V>((uint)i).Store(start + i);
            }
        }

        return mask[..count];
    }
}
