namespace Quatrain.Tensors.Kernels;

/// <summary>The rows of a product's left operand, or the columns of its right one, between two indices, in panels as wide as a tile.</summary>
/// <param name="operand">The whole operand.</param>
/// <param name="start">The first row or column.</param>
/// <param name="end">One past the last.</param>
/// <param name="width">A panel's width: the rows or columns of a tile.</param>
/// <param name="depthIsContiguous">Whether the elements of one row or column lie side by side, so that packing must transpose.</param>
internal readonly unsafe struct OperandRange(Operand operand, int start, int end, int width, bool depthIsContiguous)
{
    public readonly int Start = start, End = end, Width = width;
    public readonly bool DepthIsContiguous = depthIsContiguous;

    /// <summary>Floats from one k to the next, where the depth is not contiguous.</summary>
    public nint Stride => operand.Stride;

    /// <summary>The size of the equal blocks, in whole panels, that this range is cut into so that none is larger than <paramref name="limit"/>.</summary>
    public int BlockSize(int limit)
    {
        int panels = (End - Start + Width - 1) / Width;
        int most = Math.Max(1, limit / Width);
        int blocks = (panels + most - 1) / most;
        return (panels + blocks - 1) / blocks * Width;
    }

    /// <summary>Whether tiles cannot read the elements where they lie, because they are no floats yet.</summary>
    public bool MustBePacked => operand.IsBFloat16;

    /// <summary>Element <paramref name="k"/> of row or column <paramref name="index"/>, of an operand of floats.</summary>
    public float* At(int index, int k) => operand.Data + Offset(index, k);

    /// <summary>Packs [first, last) from depth <paramref name="k"/> on.</summary>
    public void Pack(int first, int last, int k, int depth, float* panels)
    {
        if (operand.IsBFloat16)
        {
            Pack<BFloat16Elements>(first, last, k, depth, panels);
        }
        else
        {
            Pack<Float32Elements>(first, last, k, depth, panels);
        }
    }

    /// <summary>The memory that <see cref="Pack"/> is going to read, to be fetched bit by bit before.</summary>
    public Prefetch Ahead(int first, int last, int k, int depth) =>
        operand.IsBFloat16 ? Ahead<BFloat16Elements>(first, last, k, depth) : Ahead<Float32Elements>(first, last, k, depth);

    private nint Offset(int index, int k) => DepthIsContiguous ? index * operand.Stride + k : k * operand.Stride + index;

    private void Pack<E>(int first, int last, int k, int depth, float* panels)
        where E : struct, IElements
    {
        byte* source = (byte*)operand.Data + Offset(first, k) * E.Size;
        if (DepthIsContiguous)
        {
            Panels.PackRows<E>(source, operand.Stride, last - first, depth, Width, panels);
        }
        else
        {
            Panels.PackColumns<E>(source, operand.Stride, last - first, depth, Width, panels);
        }
    }

    private Prefetch Ahead<E>(int first, int last, int k, int depth)
        where E : struct, IElements
    {
        byte* source = (byte*)operand.Data + Offset(first, k) * E.Size;
        return DepthIsContiguous ? Prefetch.Of<E>(source, operand.Stride, last - first, depth) : Prefetch.Of<E>(source, operand.Stride, depth, last - first);
    }
}
