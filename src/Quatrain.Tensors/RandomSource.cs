using System.Numerics;

namespace Quatrain.Tensors;

/// <summary>
/// A small, fast source of random numbers that gives the same numbers on every machine and runtime.
/// </summary>
/// <remarks>
/// Generator: xoshiro256** seeded through SplitMix64 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018).
/// A source is made from a seed and any number of labels (a step, a layer), so work that is resumed or split makes the source
/// it needs from where it stands and has no generator state to carry along.
/// </remarks>
public sealed class RandomSource
{
    private ulong _s0, _s1, _s2, _s3;
    private double _spareNormal = double.NaN;

    /// <summary>A source for <paramref name="seed"/> and <paramref name="labels"/>; different labels give unrelated numbers.</summary>
    public RandomSource(ulong seed, params ReadOnlySpan<ulong> labels)
    {
        ulong state = Mix(seed, labels);
        _s0 = SplitMix(ref state);
        _s1 = SplitMix(ref state);
        _s2 = SplitMix(ref state);
        _s3 = SplitMix(ref state);
    }

    /// <summary>One 64-bit number that depends on all of <paramref name="seed"/> and <paramref name="labels"/>.</summary>
    public static ulong Mix(ulong seed, params ReadOnlySpan<ulong> labels)
    {
        ulong state = seed;
        ulong mixed = SplitMix(ref state);
        foreach (ulong label in labels)
        {
            state = mixed ^ (label * 0xD1342543DE82EF95);
            mixed = SplitMix(ref state);
        }

        return mixed;
    }

    /// <summary>64 uniform random bits.</summary>
    public ulong NextUInt64()
    {
        ulong result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        ulong t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>A uniform integer in [0, <paramref name="limit"/>), without bias.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    public long NextInt64(long limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        // Lemire's method: the high half of a 128-bit product, with the few uneven draws rejected.
        ulong range = (ulong)limit;
        ulong high = Math.BigMul(NextUInt64(), range, out ulong low);
        if (low < range)
        {
            ulong uneven = (0 - range) % range;
            while (low < uneven)
            {
                high = Math.BigMul(NextUInt64(), range, out low);
            }
        }

        return (long)high;
    }

    /// <summary>A uniform integer in [0, <paramref name="limit"/>), without bias.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    public int NextInt32(int limit) => (int)NextInt64(limit);

    /// <summary>A uniform number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A number from the normal distribution with mean 0 and standard deviation 1 (Marsaglia's polar method).</summary>
    public double NextNormal()
    {
        if (!double.IsNaN(_spareNormal))
        {
            double spare = _spareNormal;
            _spareNormal = double.NaN;
            return spare;
        }

        double u, v, s;
        do
        {
            u = 2 * NextDouble() - 1;
            v = 2 * NextDouble() - 1;
            s = u * u + v * v;
        }
        while (s is >= 1 or 0);

        double scale = Math.Sqrt(-2 * Math.Log(s) / s);
        _spareNormal = v * scale;
        return u * scale;
    }

    private static ulong SplitMix(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
