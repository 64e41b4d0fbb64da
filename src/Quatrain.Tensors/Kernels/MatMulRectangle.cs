using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// What a rectangle of a product does with its sums: c = sums + bias + addend, the last two only where given, and activated = f(c), with c's stride, where
/// there is an activation function.
/// </summary>
internal readonly unsafe struct MatMulResult(float* c, nint cStride, float* bias, float* addend, nint addendStride, float* activated)
{
    public readonly float* C = c, Bias = bias, Addend = addend, Activated = activated;
    public readonly nint CStride = cStride, AddendStride = addendStride;

    /// <summary>Applies the activation function, where there is one, to complete results.</summary>
    public void Activate<V, TActivation>(int top, int bottom, int left, int right)
        where V : unmanaged, ILanes<V>
        where TActivation : unmanaged, IActivation
    {
        for (int m = top; m < bottom && Activated is not null; m++)
        {
            float* from = C + m * CStride, to = Activated + m * CStride;
            int n = ActivationKernel.Apply<V, TActivation>(from, left, right, to);
            ActivationKernel.Apply<Lanes1, TActivation>(from, n, right, to);
        }
    }
}

/// <summary>
/// One worker's rectangle of a product. Of the two operands one is kept, a block of it packed in the second-level cache, and the other passes by,
/// a panel at a time in the first-level cache.
/// </summary>
/// <remarks>
/// The narrower operand is kept. Where that is the right one, the left need not be packed at all: tiles read its rows where they lie. Where it is the left one,
/// and always in a weight gradient, whose left operand's rows do not lie side by side, the panels of the right one are packed, by the first tile that reads them
/// where that needs no transposing. While a panel is multiplied, the next one is asked for, so that nothing waits for memory.
/// </remarks>
internal readonly unsafe struct MatMulRectangle(OperandRange rows, OperandRange columns, int terms, int maxDepth, MatMulResult result, float* scratch)
{
    // 384 KB of a second-level cache of 1 MB, and 1.5 MB of results that are summed up in several passes over k. Measured: docs/performance.md.
    private const int KeptFloats = 96 << 10;
    private const int ResultFloats = 384 << 10;

    /// <summary>The scratch floats that a rectangle of that depth needs.</summary>
    public static long ScratchSize(int depth)
    {
        int widest = Math.Max(RegisterTile.MachineRows, RegisterTile.MachineColumns);
        return Panels.Size(KeptLimit(depth) + widest, depth, 1) + Panels.Size(widest, depth, widest);
    }

    private static int KeptLimit(int depth) => KeptFloats / depth;

    /// <summary>Computes all of it.</summary>
    public void Compute<V, TActivation>()
        where V : unmanaged, ILanes<V>
        where TActivation : unmanaged, IActivation
    {
        bool keepsColumns = rows.DepthIsContiguous && columns.End - columns.Start <= rows.End - rows.Start;
        (OperandRange kept, OperandRange passing) = keepsColumns ? (columns, rows) : (rows, columns);
        int keptBlock = kept.BlockSize(KeptLimit(maxDepth)), passingBlock = passing.BlockSize(ResultFloats / keptBlock);
        float* panel = scratch + Panels.Size(KeptLimit(maxDepth) + Math.Max(rows.Width, columns.Width), maxDepth, 1);
        for (int first = kept.Start; first < kept.End; first += keptBlock)
        {
            int last = Math.Min(first + keptBlock, kept.End);
            for (int begin = passing.Start; begin < passing.End; begin += passingBlock)
            {
                int end = Math.Min(begin + passingBlock, passing.End);
                // Once for a sum without terms too: the result is the bias and the addend then.
                for (int k = 0; k == 0 || k < terms; k += maxDepth)
                {
                    int depth = Math.Min(maxDepth, terms - k);
                    kept.Pack(first, last, k, depth, scratch);
                    for (int at = begin; at < end; at += passing.Width)
                    {
                        int stop = Math.Min(at + passing.Width, end);
                        Prefetch next = stop < end ? passing.Ahead(stop, Math.Min(stop + passing.Width, end), k, depth) : default;
                        if (keepsColumns)
                        {
                            PassRows<V>(at, stop, first, last, k, depth, next);
                        }
                        else
                        {
                            PassColumns<V>(first, last, at, stop, k, depth, panel, next);
                        }

                        if (result.Activated is not null && k + depth >= terms)
                        {
                            // These sums are complete, and still in the caches.
                            (int top, int bottom, int left, int right) = keepsColumns ? (at, stop, first, last) : (first, last, at, stop);
                            result.Activate<V, TActivation>(top, bottom, left, right);
                        }
                    }
                }
            }
        }
    }

    /// <summary>A tile's rows, read where they lie, against the kept columns.</summary>
    private void PassRows<V>(int top, int bottom, int left, int right, int k, int depth, Prefetch next)
        where V : unmanaged, ILanes<V>
    {
        for (int n = left; n < right; n += columns.Width)
        {
            next.Advance(n + columns.Width - left, right - left);
            Tile<V, RowLayout>(top, bottom, n, Math.Min(n + columns.Width, right), k, depth, rows.At(top, k), rows.Stride, scratch + (nint)(n - left) * depth);
        }
    }

    /// <summary>A panel of columns against the kept rows. Where it lies in memory as a tile reads it, the first tile packs it for the others.</summary>
    private void PassColumns<V>(int top, int bottom, int left, int right, int k, int depth, float* panel, Prefetch next)
        where V : unmanaged, ILanes<V>
    {
        int m = top;
        if (!columns.DepthIsContiguous && !columns.MustBePacked && right - left == columns.Width && bottom - top >= rows.Width)
        {
            TileEnd end = End(top, left, k);
            end.PrefetchAddend(rows.Width, columns.Width);
            RegisterTile.MultiplyAndPack<V>(depth, scratch, columns.At(left, k), columns.Stride, At(top, left), result.CStride, end, panel);
            m += rows.Width;
        }
        else
        {
            columns.Pack(left, right, k, depth, panel);
        }

        for (; m < bottom; m += rows.Width)
        {
            float* a = scratch + (nint)(m - top) * depth;
            bool full = bottom - m >= rows.Width && right - left == columns.Width;
            float* lines = full ? next.TakeColumn(depth / RegisterTile.DepthPerLine) : null;
            if (lines is null)
            {
                Tile<V, PackedLayout>(m, Math.Min(m + rows.Width, bottom), left, right, k, depth, a, rows.Width, panel);
                continue;
            }

            TileEnd end = End(m, left, k);
            end.PrefetchAddend(rows.Width, columns.Width);
            RegisterTile.MultiplyAndFetch<V>(depth, a, panel, At(m, left), result.CStride, end, lines, next.Stride);
        }
    }

    private float* At(int m, int n) => result.C + m * result.CStride + n;

    private TileEnd End(int m, int n, int k) => k == 0
        ? new(result.Bias is null ? null : result.Bias + n, result.Addend is null ? null : result.Addend + m * result.AddendStride + n, result.AddendStride)
        : TileEnd.AddTo(At(m, n), result.CStride);

    private void Tile<V, L>(int top, int bottom, int left, int right, int k, int depth, float* a, nint aStride, float* b)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        int width = columns.Width;
        TileEnd end = End(top, left, k);
        end.PrefetchAddend(bottom - top, right - left);
        if (right - left == width)
        {
            RegisterTile.Multiply<V, L>(bottom - top, depth, a, aStride, b, width, At(top, left), result.CStride, end);
            return;
        }

        // Past the result's last column: compute a whole tile beside it and take over what belongs to it.
        float* edge = stackalloc float[RegisterTile.Rows<V>() * RegisterTile.Columns<V>()];
        RegisterTile.Multiply<V, L>(bottom - top, depth, a, aStride, b, width, edge, width, TileEnd.Overwrite);
        for (int row = 0; row < bottom - top; row++)
        {
            float* c = At(top + row, left);
            int done = end.StoreRow<V>(edge + row * width, row, 0, right - left, c);
            end.StoreRow<Lanes1>(edge + row * width, row, done, right - left, c);
        }
    }
}
