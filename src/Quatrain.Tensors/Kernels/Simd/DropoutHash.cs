namespace Quatrain.Tensors.Kernels.Simd;

/// <summary>
/// The multipliers of the 32-bit mixer that decides which elements dropout keeps: each bit of the input changes each bit of the
/// output with a chance near one half (found by C. Wellons' search for low-bias integer hashes).
/// </summary>
/// <remarks>The two halves of the key go in before the first and before the second round, so streams of different keys are unrelated.</remarks>
internal static class DropoutHash
{
    public const uint First = 0x21F0AAAD;
    public const uint Second = 0xD35A2D97;
}
