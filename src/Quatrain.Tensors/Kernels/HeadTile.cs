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
    /// <summary>The rows of the higher tile.</summary>
    public static int HighRows<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 ? 12 : 6;

    /// <summary>The rows of the lower tile.</summary>
    public static int LowRows<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 ? 8 : 4;

    /// <summary>c = a b for any number of rows. Where no tiles fit exactly the last one computes some rows a second time.</summary>
    public static void Multiply<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        int low = LowRows<V>(), row = HighTiles<V, L>(rows, depth, a, aStride, b, bStride, c, cStride, false);
        if (rows < low)
        {
            Single<V, L>(0, rows, depth, a, aStride, b, bStride, c, cStride, false);
            return;
        }

        for (; row < rows; row += low)
        {
            int first = Math.Min(row, rows - low);
            Low<V, L>(depth, a + first * L.Row(aStride), aStride, b, bStride, c + first * cStride, cStride, false);
        }
    }

    /// <summary>c += a b, or c = a b, each row once.</summary>
    public static void MultiplyAdd<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, bool add = true)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        int low = LowRows<V>(), row = HighTiles<V, L>(rows, depth, a, aStride, b, bStride, c, cStride, add);
        for (; row + low <= rows; row += low)
        {
            Low<V, L>(depth, a + row * L.Row(aStride), aStride, b, bStride, c + row * cStride, cStride, add);
        }

        Single<V, L>(row, rows, depth, a, aStride, b, bStride, c, cStride, add);
    }

    /// <summary>c = a b for one register of columns and at least 8 rows.</summary>
    public static void MultiplyHalf<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride)
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
    private static int HighTiles<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, bool add)
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
                Tile12<V, L>(from, aStride, b, bStride, depth, to, cStride, add);
            }
            else
            {
                Tile6<V, L>(from, aStride, b, bStride, depth, to, cStride, add);
            }
        }

        return tiles * high;
    }

    private static void Low<V, L>(int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, bool add)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        if (V.Count == 16)
        {
            Tile8<V, L>(a, aStride, b, bStride, depth, c, cStride, add);
        }
        else
        {
            Tile4<V, L>(a, aStride, b, bStride, depth, c, cStride, add);
        }
    }

    private static void Single<V, L>(int row, int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, bool add)
        where V : unmanaged, ILanes<V>
        where L : struct, IHeadLayout
    {
        for (; row < rows; row++)
        {
            Tile1<V, L>(a + row * L.Row(aStride), aStride, b, bStride, depth, c + row * cStride, cStride, add);
        }
    }
}
