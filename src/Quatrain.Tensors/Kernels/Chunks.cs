namespace Quatrain.Tensors.Kernels;

/// <summary>Cuts a flat range of elements into units of work. The size is fixed, so sums over chunks do not depend on the workers.</summary>
internal static class Chunks
{
    /// <summary>Elements in a chunk: 16 KB, small enough to share out, large enough to be worth it.</summary>
    public const int Size = 4096;

    /// <summary>The number of chunks <paramref name="elements"/> make.</summary>
    public static int Count(long elements) => checked((int)((elements + Size - 1) / Size));

    /// <summary>The elements of chunks [<paramref name="start"/>, <paramref name="end"/>).</summary>
    public static (int Start, int End) Range(int start, int end, int elements) => (start * Size, (int)Math.Min((long)end * Size, elements));
}
