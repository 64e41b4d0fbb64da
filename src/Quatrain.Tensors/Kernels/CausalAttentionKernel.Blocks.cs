using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// The products of one block of queries, which follow the diagonal in steps so that little of what is masked is computed.
/// A block of scores is keys by queries, [t, i] at block[t * columns + i].
/// </summary>
internal static unsafe partial class CausalAttentionKernel
{
    // What masked scores count as in a maximum: below any other, and finite so that no NaN comes of it.
    private const float Masked = -1e30f;

    /// <summary>
    /// block[t, i] = left[t] . right[i] for the block's queries, the first at <paramref name="position"/>, and keys [first, end); the left half's queries
    /// see none of the last keys, so there only the right half is written.
    /// </summary>
    private static void ScoreProducts<L>(Rows left, float* right, int depth, int position, int first, int end, float* block)
        where L : unmanaged, ILanes<L>
    {
        int columns = RegisterTile.Columns<L>(), leftEnd = LeftEnd<L>(position, end);
        if (leftEnd > first)
        {
            RegisterTile.Overwrite<L, RowLayout>(
                leftEnd - first, depth, left[first], left.Stride, right, columns, block + (nint)first * columns, columns);
        }

        if (end > leftEnd)
        {
            // Eight rows at least: some before the half's first are computed again where there are fewer.
            int from = Math.Min(leftEnd, end - 8);
            RegisterTile.OverwriteHalf<L, RowLayout>(
                end - from, depth, left[from], left.Stride, right + L.Count, columns, block + (nint)from * columns + L.Count, columns);
        }
    }

    /// <summary>The end of the keys that the left half of the block's queries are given scores for.</summary>
    private static int LeftEnd<L>(int position, int end)
        where L : unmanaged, ILanes<L> => L.Count >= 8 ? Math.Min(position + L.Count, end) : end;

    /// <summary>result[i, d] gets the sum over the keys that query i may see, and a few whose weights are zero, of block[t, i] * rows[t, d], times factors[i] where given.</summary>
    private static void WeightedSums<L>(float* block, Rows rows, int position, int count, int paddedSize, Rows result, bool add, float* factors)
        where L : unmanaged, ILanes<L>
    {
        int columns = RegisterTile.Columns<L>(), step = DiagonalRows<L>();
        for (int d = 0; d < paddedSize; d += columns)
        {
            for (int i = 0; i < count; i += step)
            {
                int tile = Math.Min(step, count - i);
                float* to = result[i] + d;
                TileEnd end = new(null, add ? to : null, result.Stride, factors is null ? null : factors + i);
                RegisterTile.Multiply<L, ColumnLayout>(tile, position + i + tile, block + i, columns, rows[0] + d, rows.Stride, to, result.Stride, end);
            }
        }
    }

    /// <summary>
    /// grad[t, d] gets the sum over the block's queries i, from the first that sees t, of block[t, i] * rows[i, d], for keys [first, end): added for those before
    /// the block, and where <paramref name="addOwn"/> for its own too, which no earlier block has seen.
    /// </summary>
    private static void AddToKeys<L>(float* block, Rows rows, int position, int count, int first, int end, int paddedSize, Rows grad, bool addOwn)
        where L : unmanaged, ILanes<L>
    {
        int columns = RegisterTile.Columns<L>(), step = DiagonalRows<L>();
        for (int d = 0; d < paddedSize; d += columns)
        {
            RegisterTile.Multiply<L, RowLayout>(
                Math.Min(position, end) - first, count, block + (nint)first * columns, columns, rows[0] + d, rows.Stride, grad[first] + d, grad.Stride,
                TileEnd.AddTo(grad[first] + d, grad.Stride));
            for (int t = position; t < end; t += step)
            {
                int i = t - position;
                float* to = grad[t] + d;
                RegisterTile.Multiply<L, RowLayout>(
                    Math.Min(step, end - t), count - i, block + (nint)t * columns + i, columns, rows[i] + d, rows.Stride, to, grad.Stride,
                    addOwn ? TileEnd.AddTo(to, grad.Stride) : TileEnd.Overwrite);
            }
        }
    }

    /// <summary>Whether a block of a triangle, whose blocks grow along the diagonal, is of a part: they are dealt out forth and back.</summary>
    private static bool IsOfPart(int block, int part, int parts)
    {
        int turn = block % (2 * parts);
        return part == Math.Min(turn, 2 * parts - 1 - turn);
    }

    /// <summary>The height of the steps in which a block's diagonal is followed: such that no step crosses from one register to the next.</summary>
    private static int DiagonalRows<L>()
        where L : unmanaged, ILanes<L> => Math.Min(RegisterTile.LowRows<L>(), L.Count);

    /// <summary>The dropout index of key <paramref name="t"/> and the query at <paramref name="position"/>; queries side by side.</summary>
    private static uint MaskIndex(int t, int position) => ((uint)t << 16) + (uint)position;

    /// <summary>Rows as the right operand of a tile: where they lie if whole tiles of columns are to be had there, else copied and filled up with zeros.</summary>
    private static Rows Padded(in Rows rows, int count, int size, int paddedSize, float* copy) =>
        size == paddedSize ? rows : Copy(rows, count, size, paddedSize, copy);

    /// <summary>A head's keys or values, which every block of queries reads again: where they lie, or a copy that takes less room in the caches.</summary>
    private static Rows Near(in Rows rows, int count, int size, int paddedSize, float* copy) =>
        IsNear(count, size, paddedSize) ? rows : Copy(rows, count, size, paddedSize, copy);

    /// <summary>
    /// Whether a head's rows are so few that they are used where they lie. More of them, a power of two apart or nearly so, would fight for the same quarter of
    /// a second-level cache.
    /// </summary>
    private static bool IsNear(int count, int size, int paddedSize) => size == paddedSize && (long)count * size <= 32 * 1024;

    private static Rows Copy(in Rows rows, int count, int size, int paddedSize, float* copy)
    {
        Panels.PackColumns(rows[0], rows.Stride, size, count, paddedSize, copy);
        return new Rows(copy, paddedSize);
    }

    /// <summary>
    /// Asks for a head's rows, which are short pieces far apart, for the unit after this one. Of a long head they are too many to wait in the caches.
    /// </summary>
    private static void Ask(in HeadRows rows, int unit, int count, in AttentionSizes sizes)
    {
        const int MostFloats = 8 * 1024;
        if (count * sizes.HeadSize <= MostFloats)
        {
            (int batch, int head) = int.DivRem(unit, sizes.HeadCount);
            new Prefetch(rows.Head(batch, head, sizes.HeadSize), (nint)rows.RowStride, count, sizes.HeadSize).Advance(1, 1);
        }
    }

    private static int RoundUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;

    private static long RoundUpToLine(long floats) => (floats + 15) / 16 * 16;

    /// <summary>Rows of floats, and the floats from one to the next.</summary>
    private readonly struct Rows(float* data, nint stride)
    {
        public readonly nint Stride = stride;
        private readonly float* _data = data;

        public float* this[int row] => _data + row * Stride;

        public Rows From(int row) => new(this[row], Stride);
    }
}
