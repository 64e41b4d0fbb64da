namespace Quatrain.Tensors.Tests.Reference;

/// <summary>bfloat16, one number at a time.</summary>
internal static class BFloat16Reference
{
    /// <summary>The float that a bfloat16 number is.</summary>
    public static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>The nearest bfloat16 numbers, found by trying the two neighbours; ties go to the one with an even last digit.</summary>
    public static ushort[] Round(float[] values) => [.. values.Select(Round)];

    private static ushort Round(float value)
    {
        ushort below = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16), above = (ushort)(below + 1);
        double toBelow = Math.Abs((double)value - Widen(below)), toAbove = Math.Abs((double)value - Widen(above));
        return toBelow < toAbove || (toBelow == toAbove && below % 2 == 0) ? below : above;
    }
}
