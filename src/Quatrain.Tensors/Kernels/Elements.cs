using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>Numbers as they are stored, and how they become float lanes. Constants to the JIT.</summary>
internal unsafe interface IElements
{
    /// <summary>Bytes a number.</summary>
    static abstract int Size { get; }

    /// <summary>As many numbers as <typeparamref name="V"/> has lanes, from <paramref name="source"/> on; no byte beyond them is read.</summary>
    static abstract V Load<V>(byte* source)
        where V : unmanaged, ILanes<V>;

    /// <summary>Numbers in the room of a float: 1 or 2.</summary>
    static abstract int InFloat { get; }

    /// <summary>Number <paramref name="part"/> of those in the room of each float.</summary>
    static abstract V Unpack<V>(V packed, int part)
        where V : unmanaged, ILanes<V>;
}

/// <summary>float32.</summary>
internal readonly unsafe struct Float32Elements : IElements
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source)
        where V : unmanaged, ILanes<V> => V.Load((float*)source);

    public static int InFloat => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Unpack<V>(V packed, int part)
        where V : unmanaged, ILanes<V> => packed;
}

/// <summary>bfloat16, widened exactly.</summary>
internal readonly unsafe struct BFloat16Elements : IElements
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source)
        where V : unmanaged, ILanes<V> => V.LoadBFloat16((ushort*)source);

    public static int InFloat => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Unpack<V>(V packed, int part)
        where V : unmanaged, ILanes<V> => part == 0 ? V.FirstBFloat16(packed) : V.SecondBFloat16(packed);
}
