namespace Quatrain.Tensors.Tests;

public sealed class RandomSourceTests
{
    [Fact]
    public void The_first_numbers_are_those_of_xoshiro256_seeded_through_SplitMix64()
    {
        // Made by an independent program: a change here breaks every seed anyone has written down.
        Draw(new RandomSource(0)).ShouldBe([0xFB5405F7BD79C540, 0x780C98E26CEA5883, 0x2A146E0980FEBC66]);
        Draw(new RandomSource(42, 1, 2)).ShouldBe([0xB7C0717B1F0A0F9B, 0x4FBA87D599A9AB9A, 0x481FE5D20F70F057]);
        // SplitMix64's own first number for seed 1.
        RandomSource.Mix(1).ShouldBe(0x910A2DEC89025CC1);
        RandomSource.Mix(1, 2, 3).ShouldBe(0x16B2AFEDD9850AC0UL);

        static ulong[] Draw(RandomSource random) => [random.NextUInt64(), random.NextUInt64(), random.NextUInt64()];
    }

    [Fact]
    public void Other_seeds_and_labels_give_other_numbers()
    {
        ulong[] firsts =
        [
            new RandomSource(0).NextUInt64(), new RandomSource(1).NextUInt64(), new RandomSource(0, 0).NextUInt64(), new RandomSource(0, 1).NextUInt64(),
            new RandomSource(1, 0).NextUInt64(), new RandomSource(0, 0, 1).NextUInt64(), new RandomSource(0, 1, 0).NextUInt64(),
        ];
        firsts.ShouldBeUnique();
    }

    [Fact]
    public void Streams_of_neighbouring_labels_are_unrelated()
    {
        RandomSource a = new(7, 1), b = new(7, 2);
        double sum = 0;
        const int Count = 100_000;
        for (int i = 0; i < Count; i++)
        {
            sum += a.NextNormal() * b.NextNormal();
        }

        (sum / Count).ShouldBe(0, 4 / Math.Sqrt(Count));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    public void Integers_are_uniform_below_their_limit(int limit)
    {
        const int Count = 60_000;
        RandomSource random = new(3);
        int[] counts = new int[limit];
        for (int i = 0; i < Count; i++)
        {
            counts[random.NextInt32(limit)]++;
        }

        double expected = (double)Count / limit;
        counts.ShouldAllBe(count => Math.Abs(count - expected) <= 4 * Math.Sqrt(expected));
    }

    [Fact]
    public void Large_limits_reach_both_halves_and_impossible_ones_are_refused()
    {
        RandomSource random = new(5);
        long[] values = [.. Enumerable.Range(0, 100).Select(_ => random.NextInt64(long.MaxValue))];
        values.ShouldAllBe(value => value >= 0);
        values.ShouldContain(value => value < long.MaxValue / 2);
        values.ShouldContain(value => value > long.MaxValue / 2);
        Should.Throw<ArgumentOutOfRangeException>(() => random.NextInt64(0));
        Should.Throw<ArgumentOutOfRangeException>(() => random.NextInt32(-1));
    }

    [Fact]
    public void Doubles_lie_in_zero_to_one_and_normals_have_their_moments()
    {
        const int Count = 200_000;
        RandomSource random = new(11);
        double[] uniform = [.. Enumerable.Range(0, Count).Select(_ => random.NextDouble())];
        uniform.ShouldAllBe(value => value >= 0 && value < 1);
        uniform.Average().ShouldBe(0.5, 4 * Math.Sqrt(1.0 / 12 / Count));

        double[] normal = [.. Enumerable.Range(0, Count).Select(_ => random.NextNormal())];
        // Four standard deviations of each sample moment.
        normal.Average().ShouldBe(0, 4 * Math.Sqrt(1.0 / Count));
        normal.Average(x => x * x).ShouldBe(1, 4 * Math.Sqrt(2.0 / Count));
        normal.Average(x => x * x * x).ShouldBe(0, 4 * Math.Sqrt(15.0 / Count));
        normal.Average(x => x * x * x * x).ShouldBe(3, 4 * Math.Sqrt(96.0 / Count));
    }
}
