namespace Quatrain.Tensors.Tests.Support;

/// <summary>Random operands; the same for the same seed.</summary>
internal static class Values
{
    /// <summary>Normally distributed floats.</summary>
    public static float[] Normal(int count, ulong seed, double mean = 0, double deviation = 1)
    {
        RandomSource random = new(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (float)(mean + deviation * random.NextNormal());
        }

        return values;
    }

    /// <summary>Uniform ids in [0, <paramref name="limit"/>).</summary>
    public static int[] Ids(int count, int limit, ulong seed)
    {
        RandomSource random = new(seed);
        int[] ids = new int[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = random.NextInt32(limit);
        }

        return ids;
    }
}
