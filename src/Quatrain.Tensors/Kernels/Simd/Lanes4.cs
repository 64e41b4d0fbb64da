using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Quatrain.Tensors.Kernels.Simd;

/// <summary>4 lanes in one 128-bit register.</summary>
internal readonly unsafe struct Lanes4(Vector128<float> lanes) : ILanes<Lanes4>
{
    private readonly Vector128<float> _lanes = lanes;

    /// <summary>The lanes, for what only the register's own instructions can do.</summary>
    public Vector128<float> Register => _lanes;

    public static int Count => 4;

    public static Lanes4 Zero => new(Vector128<float>.Zero);

    public static Lanes4 Indices => new(Vector128<float>.Indices);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 LoadBFloat16(ushort* source) =>
        new((Vector128.WidenLower(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(source)).AsUInt16()) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 LoadQuads(byte* source, nint stride) => Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 FirstBFloat16(Lanes4 pairs) => new((pairs._lanes.AsUInt32() << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 SecondBFloat16(Lanes4 pairs) => new((pairs._lanes.AsUInt32() & Vector128.Create(0xFFFF0000)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 InterleaveLow(Lanes4 a, Lanes4 b) => new(
        Sse.IsSupported ? Sse.UnpackLow(a._lanes, b._lanes)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a._lanes, b._lanes)
        : Vector128.Create(a._lanes[0], b._lanes[0], a._lanes[1], b._lanes[1]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 InterleaveHigh(Lanes4 a, Lanes4 b) => new(
        Sse.IsSupported ? Sse.UnpackHigh(a._lanes, b._lanes)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a._lanes, b._lanes)
        : Vector128.Create(a._lanes[2], b._lanes[2], a._lanes[3], b._lanes[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* destination) => _lanes.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 MultiplyAdd(Lanes4 a, Lanes4 b, Lanes4 c) => new(Vector128.MultiplyAddEstimate(a._lanes, b._lanes, c._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Max(Lanes4 a, Lanes4 b) => new(Vector128.MaxNative(a._lanes, b._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Min(Lanes4 a, Lanes4 b) => new(Vector128.MinNative(a._lanes, b._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Abs(Lanes4 a) => new(Vector128.Abs(a._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Sqrt(Lanes4 a) => new(Vector128.Sqrt(a._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 Round(Lanes4 a) => new(Vector128.Round(a._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 PowerOfTwo(Lanes4 exponent) =>
        new(((Vector128.ConvertToInt32Native(exponent._lanes) + Vector128.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 WhereLess(Lanes4 a, Lanes4 b, Lanes4 yes, Lanes4 no) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(a._lanes, b._lanes), yes._lanes, no._lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 DropoutMask(uint index, ulong key, uint threshold, float scale)
    {
        Vector128<uint> hash = Vector128<uint>.Indices + Vector128.Create(index) ^ Vector128.Create((uint)key);
        hash = (hash ^ (hash >>> 16)) * Vector128.Create(DropoutHash.First);
        hash ^= Vector128.Create((uint)(key >> 32));
        hash = (hash ^ (hash >>> 15)) * Vector128.Create(DropoutHash.Second);
        hash ^= hash >>> 16;
        Vector128<uint> dropped = Vector128.LessThan(hash, Vector128.Create(threshold));
        return new(Vector128.AndNot(Vector128.Create(scale), dropped.AsSingle()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Sum() => _lanes.GetElement(0) + _lanes.GetElement(2) + (_lanes.GetElement(1) + _lanes.GetElement(3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Largest() => MathF.Max(MathF.Max(_lanes.GetElement(0), _lanes.GetElement(2)), MathF.Max(_lanes.GetElement(1), _lanes.GetElement(3)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator +(Lanes4 a, Lanes4 b) => new(a._lanes + b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator -(Lanes4 a, Lanes4 b) => new(a._lanes - b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator *(Lanes4 a, Lanes4 b) => new(a._lanes * b._lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes4 operator /(Lanes4 a, Lanes4 b) => new(a._lanes / b._lanes);
}
