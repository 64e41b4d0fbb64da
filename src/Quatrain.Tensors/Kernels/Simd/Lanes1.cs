using System.Runtime.CompilerServices;

namespace Quatrain.Tensors.Kernels.Simd;

/// <summary>One lane: the scalar path, and what remains of a row after the full registers.</summary>
internal readonly unsafe struct Lanes1(float lane) : ILanes<Lanes1>
{
    private readonly float _lane = lane;

    public static int Count => 1;

    public static Lanes1 Zero => new(0);

    public static Lanes1 Indices => new(0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Broadcast(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Load(float* source) => new(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 LoadBFloat16(ushort* source) => new(BitConverter.UInt32BitsToSingle((uint)*source << 16));

    public static Lanes1 LoadQuads(byte* source, nint stride) => throw new NotSupportedException("One lane holds no four numbers.");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 FirstBFloat16(Lanes1 pairs) => new(BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(pairs._lane) << 16));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 SecondBFloat16(Lanes1 pairs) => new(BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(pairs._lane) & 0xFFFF0000));

    public static Lanes1 InterleaveLow(Lanes1 a, Lanes1 b) => throw new NotSupportedException("One lane has no parts.");

    public static Lanes1 InterleaveHigh(Lanes1 a, Lanes1 b) => throw new NotSupportedException("One lane has no parts.");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* destination) => *destination = _lane;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 MultiplyAdd(Lanes1 a, Lanes1 b, Lanes1 c) => new(float.MultiplyAddEstimate(a._lane, b._lane, c._lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Max(Lanes1 a, Lanes1 b) => new(a._lane > b._lane ? a._lane : b._lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Min(Lanes1 a, Lanes1 b) => new(a._lane < b._lane ? a._lane : b._lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Abs(Lanes1 a) => new(MathF.Abs(a._lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Sqrt(Lanes1 a) => new(MathF.Sqrt(a._lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 Round(Lanes1 a) => new(MathF.Round(a._lane));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 PowerOfTwo(Lanes1 exponent) => new(BitConverter.Int32BitsToSingle(((int)exponent._lane + 127) << 23));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 WhereLess(Lanes1 a, Lanes1 b, Lanes1 yes, Lanes1 no) => a._lane < b._lane ? yes : no;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 DropoutMask(uint index, ulong key, uint threshold, float scale)
    {
        uint hash = index ^ (uint)key;
        hash = (hash ^ (hash >>> 16)) * DropoutHash.First;
        hash ^= (uint)(key >> 32);
        hash = (hash ^ (hash >>> 15)) * DropoutHash.Second;
        hash ^= hash >>> 16;
        return new(hash < threshold ? 0 : scale);
    }

    public float Sum() => _lane;

    public float Largest() => _lane;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator +(Lanes1 a, Lanes1 b) => new(a._lane + b._lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator -(Lanes1 a, Lanes1 b) => new(a._lane - b._lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator *(Lanes1 a, Lanes1 b) => new(a._lane * b._lane);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes1 operator /(Lanes1 a, Lanes1 b) => new(a._lane / b._lane);
}
