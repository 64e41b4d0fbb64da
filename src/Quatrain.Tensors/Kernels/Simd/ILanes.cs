using System.Numerics;

namespace Quatrain.Tensors.Kernels.Simd;

/// <summary>
/// A register of float lanes. Kernels are written once over this interface; the JIT makes one version for each width.
/// </summary>
/// <remarks>
/// Widths: 16 (AVX-512), 8 (AVX2), 4 (SSE4.1, ARM64) and 1 (scalar, also for what remains at a row's end). Products and sums go
/// through <see cref="MultiplyAdd"/>, which is fused where the machine has the instruction. An element's result depends on the
/// width only through the order of sums across lanes.
/// </remarks>
internal unsafe interface ILanes<TSelf> :
    IAdditionOperators<TSelf, TSelf, TSelf>,
    ISubtractionOperators<TSelf, TSelf, TSelf>,
    IMultiplyOperators<TSelf, TSelf, TSelf>,
    IDivisionOperators<TSelf, TSelf, TSelf>
    where TSelf : unmanaged, ILanes<TSelf>
{
    /// <summary>The number of lanes.</summary>
    static abstract int Count { get; }

    /// <summary>All lanes zero.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>0, 1, 2, ... in lane order.</summary>
    static abstract TSelf Indices { get; }

    /// <summary>The same value in every lane.</summary>
    static abstract TSelf Broadcast(float value);

    /// <summary>Count floats from <paramref name="source"/>; no alignment is needed.</summary>
    static abstract TSelf Load(float* source);

    /// <summary>Count bfloat16 numbers from <paramref name="source"/>, and no byte beyond them; no alignment is needed.</summary>
    static abstract TSelf LoadBFloat16(ushort* source);

    /// <summary>
    /// Four floats, or what lies in their room, of each of Count / 4 rows: those of the row 4 p below <paramref name="source"/> in the register's 128-bit part p. For
    /// four lanes or more.
    /// </summary>
    /// <param name="source">The first row's first byte.</param>
    /// <param name="stride">Bytes from one row to the next.</param>
    static abstract TSelf LoadQuads(byte* source, nint stride);

    /// <summary>The first of the two bfloat16 numbers in the room of each lane.</summary>
    static abstract TSelf FirstBFloat16(TSelf pairs);

    /// <summary>The second of the two bfloat16 numbers in the room of each lane.</summary>
    static abstract TSelf SecondBFloat16(TSelf pairs);

    /// <summary>a0 b0 a1 b1 of each 128-bit part a0 a1 a2 a3 and b0 b1 b2 b3.</summary>
    static abstract TSelf InterleaveLow(TSelf a, TSelf b);

    /// <summary>a2 b2 a3 b3 of each 128-bit part a0 a1 a2 a3 and b0 b1 b2 b3.</summary>
    static abstract TSelf InterleaveHigh(TSelf a, TSelf b);

    /// <summary>Writes Count floats to <paramref name="destination"/>.</summary>
    void Store(float* destination);

    /// <summary>a * b + c.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    /// <summary>The larger of each pair of lanes; neither may be NaN.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The smaller of each pair of lanes; neither may be NaN.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>The absolute value of each lane.</summary>
    static abstract TSelf Abs(TSelf a);

    /// <summary>The square root of each lane.</summary>
    static abstract TSelf Sqrt(TSelf a);

    /// <summary>Each lane rounded to the nearest integer, halves to even.</summary>
    static abstract TSelf Round(TSelf a);

    /// <summary>2 to the power of each lane, which must be an integer in [-126, 127].</summary>
    static abstract TSelf PowerOfTwo(TSelf exponent);

    /// <summary>Lanes of <paramref name="yes"/> where a &lt; b, of <paramref name="no"/> elsewhere (also where either is NaN).</summary>
    static abstract TSelf WhereLess(TSelf a, TSelf b, TSelf yes, TSelf no);

    /// <summary>
    /// For dropout: <paramref name="scale"/> in the lanes that are kept and 0 in the others. Lane l is decided by a hash of
    /// <paramref name="index"/> + l and <paramref name="key"/>; it is dropped when the hash is below <paramref name="threshold"/>.
    /// </summary>
    static abstract TSelf DropoutMask(uint index, ulong key, uint threshold, float scale);

    /// <summary>The sum of the lanes, in a fixed order.</summary>
    float Sum();

    /// <summary>The largest lane.</summary>
    float Largest();
}
