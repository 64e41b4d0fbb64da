using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>Where element (m, k) of a left operand with a stride known at run time lies: a[m * Row + k * Column].</summary>
internal interface IHeadLayout
{
    static abstract nint Row(nint stride);

    static abstract nint Column(nint stride);
}

/// <summary>The operand's rows one after the other, as a head's rows lie in memory.</summary>
internal readonly struct RowLayout : IHeadLayout
{
    public static nint Row(nint stride) => stride;

    public static nint Column(nint stride) => 1;
}

/// <summary>The operand's rows are the columns of a block of scores.</summary>
internal readonly struct ColumnLayout : IHeadLayout
{
    public static nint Row(nint stride) => 1;

    public static nint Column(nint stride) => stride;
}

/// <summary>What a tile does with its sums: c = sums, c = c + sums, or, with a factor for each row, c = factor * sums.</summary>
internal readonly unsafe struct TileEnd(bool add, float* factors)
{
    public static TileEnd Overwrite => default;

    public static TileEnd Add => new(true, null);

    public static TileEnd AddIf(bool add) => new(add, null);

    public static TileEnd Scale(float* factors) => new(false, factors);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<V>(V left, V right, float* c, int row)
        where V : unmanaged, ILanes<V>
    {
        if (add)
        {
            left += V.Load(c);
            right += V.Load(c + V.Count);
        }

        if (factors is not null)
        {
            V factor = V.Broadcast(factors[row]);
            left *= factor;
            right *= factor;
        }

        left.Store(c);
        right.Store(c + V.Count);
    }

    /// <summary>The same for the tile that begins <paramref name="rows"/> further down.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TileEnd Down(int rows) => new(add, factors is null ? null : factors + rows);
}

/// <summary>
/// The register tiles of attention: c[m, n] = sum over k of a[m, k] * b[k, n] for a few rows m and two registers of columns n, where neither
/// operand is packed, because a head's rows are too few to be read often enough to pay for it.
/// </summary>
/// <remarks>
/// Every element is one chain of multiply-adds in the order of k whatever the tile's height, so how rows are dealt out to tiles changes no bit.
/// With 16 lanes a tile has 12 rows (24 registers of sums) or 8, with fewer lanes 6 or 4: both heights together cut any number of rows that the
/// lower one divides, and blocks along the diagonal are cut by the lower one to leave out more of what is masked.
/// </remarks>
internal static unsafe partial class HeadTile
{
    /// <summary>The rows of the lower tile.</summary>
    public static int LowRows<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 ? 8 : 4;

    private static int HighRows<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 ? 12 : 6;

    /// <summary>c = a b, ended as <paramref name="end"/> says, each row once.</summary>
    public static void Multiply<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        int low = LowRows<V>(), row = HighTiles<V, L>(rows, depth, a, aStride, b, bStride, c, cStride, end);
        for (; row + low <= rows; row += low)
        {
            Low<V, L>(depth, a + row * L.Row(aStride), aStride, b, bStride, c + row * cStride, cStride, end.Down(row));
        }

        for (; row < rows; row++)
        {
            Tile1<V, L>(a + row * L.Row(aStride), aStride, b, bStride, depth, c + row * cStride, cStride, end.Down(row));
        }
    }

    /// <summary>c = a b. Where no tiles fit exactly the last one computes some rows a second time, which is faster than one by one.</summary>
    public static void Overwrite<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        int low = LowRows<V>(), rest = rows % low;
        if (rest == 0 || rows < low)
        {
            Multiply<V, L>(rows, depth, a, aStride, b, bStride, c, cStride, TileEnd.Overwrite);
            return;
        }

        Multiply<V, L>(rows - rest, depth, a, aStride, b, bStride, c, cStride, TileEnd.Overwrite);
        Low<V, L>(depth, a + (rows - low) * L.Row(aStride), aStride, b, bStride, c + (rows - low) * cStride, cStride, TileEnd.Overwrite);
    }

    /// <summary>c = a b for one register of columns and at least 8 rows.</summary>
    public static void OverwriteHalf<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        for (int row = 0; row < rows; row += 8)
        {
            int first = Math.Min(row, rows - 8);
            Half8<V, L>(a + first * L.Row(aStride), aStride, b, bStride, depth, c + first * cStride, cStride);
        }
    }

    /// <summary>Does as many rows in high tiles as leave a number that low ones fit best, and returns how many.</summary>
    private static int HighTiles<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        int high = HighRows<V>(), tiles = rows / high, rest = rows - tiles * high;
        if (tiles > 0 && rest > 0 && rest <= high / 3)
        {
            tiles--;
        }

        for (int row = 0; row < tiles * high; row += high)
        {
            float* from = a + row * L.Row(aStride), to = c + row * cStride;
            if (V.Count == 16)
            {
                Tile12<V, L>(from, aStride, b, bStride, depth, to, cStride, end.Down(row));
            }
            else
            {
                Tile6<V, L>(from, aStride, b, bStride, depth, to, cStride, end.Down(row));
            }
        }

        return tiles * high;
    }

    private static void Low<V, L>(int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        if (V.Count == 16)
        {
            Tile8<V, L>(a, aStride, b, bStride, depth, c, cStride, end);
        }
        else
        {
            Tile4<V, L>(a, aStride, b, bStride, depth, c, cStride, end);
        }
    }
}
