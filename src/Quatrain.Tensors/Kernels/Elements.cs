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

    /// <summary><see cref="ILanes{TSelf}.LoadQuads"/> of these numbers; the stride counts numbers.</summary>
    static abstract V LoadQuads<V>(byte* source, nint stride)
        where V : unmanaged, ILanes<V>;
}

/// <summary>float32.</summary>
internal readonly unsafe struct Float32Elements : IElements
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source)
        where V : unmanaged, ILanes<V> => V.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LoadQuads<V>(byte* source, nint stride)
        where V : unmanaged, ILanes<V> => V.LoadQuads((float*)source, stride);
}

/// <summary>bfloat16, widened exactly.</summary>
internal readonly unsafe struct BFloat16Elements : IElements
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source)
        where V : unmanaged, ILanes<V> => V.LoadBFloat16((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LoadQuads<V>(byte* source, nint stride)
        where V : unmanaged, ILanes<V> => V.LoadQuadsBFloat16((ushort*)source, stride);
}
