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

    /// <summary>Element <paramref name="k"/> of row or column <paramref name="index"/>.</summary>
    public float* At(int index, int k) => DepthIsContiguous ? operand.Data + index * operand.Stride + k : operand.Data + k * operand.Stride + index;

    /// <summary>Packs [first, last) from depth <paramref name="k"/> on.</summary>
    public void Pack(int first, int last, int k, int depth, float* panels)
    {
        if (DepthIsContiguous)
        {
            Panels.PackRows(At(first, k), operand.Stride, last - first, depth, Width, panels);
        }
        else
        {
            Panels.PackColumns(At(first, k), operand.Stride, last - first, depth, Width, panels);
        }
    }

    /// <summary>The memory that <see cref="Pack"/> is going to read, to be fetched bit by bit before.</summary>
    public Prefetch Ahead(int first, int last, int k, int depth) =>
        DepthIsContiguous ? new(At(first, k), operand.Stride, last - first, depth) : new(At(first, k), operand.Stride, depth, last - first);
}
