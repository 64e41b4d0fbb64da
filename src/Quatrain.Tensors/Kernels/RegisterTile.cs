using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Where element (m, k) of a tile's left operand lies: a[m * Row + k * Column].</summary>
internal interface ILeftLayout
{
    static abstract nint Row(nint stride);

    static abstract nint Column(nint stride);

    /// <summary>Whether both operands are packed panels of a full tile's size, so that their strides are known.</summary>
    static abstract bool IsPacked { get; }
}

/// <summary>Rows as they lie in memory, one a stride after the other.</summary>
internal readonly struct RowLayout : ILeftLayout
{
    public static nint Row(nint stride) => stride;

    public static nint Column(nint stride) => 1;

    public static bool IsPacked => false;
}

/// <summary>All rows of one k together: a packed panel, or a block whose columns are the rows.</summary>
internal readonly struct ColumnLayout : ILeftLayout
{
    public static nint Row(nint stride) => 1;

    public static nint Column(nint stride) => stride;

    public static bool IsPacked => false;
}

/// <summary>A packed panel that meets another one.</summary>
internal readonly struct PackedLayout : ILeftLayout
{
    public static nint Row(nint stride) => 1;

    public static nint Column(nint stride) => stride;

    public static bool IsPacked => true;
}

/// <summary>What a tile does beside its arithmetic, which hides it. Constants to the JIT.</summary>
internal interface ISideWork
{
    /// <summary>Whether it packs its right operand, as it reads it, for the tiles after it.</summary>
    static abstract bool Packs { get; }

    /// <summary>Whether it asks for memory that will be read soon, a line every <see cref="RegisterTile.DepthPerLine"/> terms.</summary>
    static abstract bool Fetches { get; }
}

/// <summary>Nothing but arithmetic.</summary>
internal readonly struct NoSideWork : ISideWork
{
    public static bool Packs => false;

    public static bool Fetches => false;
}

/// <summary>Packs the right operand.</summary>
internal readonly struct Packing : ISideWork
{
    public static bool Packs => true;

    public static bool Fetches => false;
}

/// <summary>Asks for memory.</summary>
internal readonly struct Fetching : ISideWork
{
    public static bool Packs => false;

    public static bool Fetches => true;
}

/// <summary>
/// The register tiles of every matrix product: c[m, n] = sum over k of a[m, k] * b[k, n] for a few rows m and two registers of columns n.
/// </summary>
/// <remarks>
/// A lane is a column. With 16 lanes a tile has 12 rows: 24 registers of sums, 2 of b and 1 for the broadcast element of a fit the 32 there are, and
/// 24 independent sums hide the latency of the fused multiply-add. With fewer lanes there are 16 registers and 6 rows. The lower heights, 8 and 4, are for what
/// remains and for the steps of attention's diagonal. Every element is one chain of multiply-adds in the order of k whatever the tile's height, so how rows
/// are dealt out to tiles changes no bit, and a row's result does not depend on how many rows a product has.
/// </remarks>
internal static unsafe partial class RegisterTile
{
    /// <summary>
    /// The terms between two lines that a tile asks for. Asked for in bursts between tiles, as many lines hold all of a core's few miss buffers, and the
    /// next tile waits: measured 3 to 12 % slower.
    /// </summary>
    public const int DepthPerLine = 8;

    private const int TermsAtOnce = 4;

    /// <summary>The rows of a full tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Rows<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 ? 12 : 6;

    /// <summary>The rows of the lower tile, which with the full one cuts any number of rows it divides.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LowRows<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 ? 8 : 4;

    /// <summary>The columns of a tile: two registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Columns<V>()
        where V : unmanaged, ILanes<V> => 2 * V.Count;

    /// <summary>The rows of a full tile with this machine's registers, for code that reserves memory before a width is chosen.</summary>
    public static int MachineRows => WorkerPool.Lanes == 16 ? Rows<Lanes16>() : Rows<Lanes8>();

    /// <summary>The columns of a tile with this machine's registers.</summary>
    public static int MachineColumns => 2 * WorkerPool.Lanes;

    /// <summary>c = a b, ended as <paramref name="end"/> says, each row once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        // Nearly always, and the way through the other choices costs 2 to 4 % of a product.
        if (rows == Rows<V>())
        {
            Full<V, L>(depth, a, aStride, b, bStride, c, cStride, end);
        }
        else
        {
            Tiles<V, L>(rows, depth, a, aStride, b, bStride, c, cStride, end);
        }
    }

    private static void Tiles<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        int low = LowRows<V>(), row = HighTiles<V, L>(rows, depth, a, aStride, b, bStride, c, cStride, end);
        for (; row + low <= rows; row += low)
        {
            Low<V, L>(depth, a + row * L.Row(aStride), aStride, b, bStride, c + row * cStride, cStride, end.Down(row));
        }

        for (; V.Count == 16 && row + 4 <= rows; row += 4)
        {
            Tile4<V, L>(a + row * L.Row(aStride), aStride, b, bStride, depth, c + row * cStride, cStride, end.Down(row));
        }

        for (; row < rows; row++)
        {
            Tile1<V, L>(a + row * L.Row(aStride), aStride, b, bStride, depth, c + row * cStride, cStride, end.Down(row));
        }
    }

    /// <summary>
    /// c = a b for a full tile of a packed left operand; writes the right one, as it reads it, to <paramref name="packed"/>: a panel for the tiles after this
    /// one, which costs nothing beside the arithmetic.
    /// </summary>
    public static void MultiplyAndPack<V>(int depth, float* a, float* b, nint bStride, float* c, nint cStride, in TileEnd end, float* packed)
        where V : unmanaged, ILanes<V>
    {
        if (V.Count == 16)
        {
            Tile12<V, ColumnLayout, Packing>(a, Rows<V>(), b, bStride, depth, c, cStride, end, packed, 0);
        }
        else
        {
            Tile6<V, ColumnLayout, Packing>(a, Rows<V>(), b, bStride, depth, c, cStride, end, packed, 0);
        }
    }

    /// <summary>
    /// c = a b for a full tile of two packed operands, which meanwhile asks for <paramref name="depth"/> / <see cref="DepthPerLine"/> lines, the first at
    /// <paramref name="lines"/> and the next <paramref name="stride"/> floats further.
    /// </summary>
    public static void MultiplyAndFetch<V>(int depth, float* a, float* b, float* c, nint cStride, in TileEnd end, float* lines, nint stride)
        where V : unmanaged, ILanes<V>
    {
        if (V.Count == 16)
        {
            Tile12<V, ColumnLayout, Fetching>(a, Rows<V>(), b, Columns<V>(), depth, c, cStride, end, lines, stride);
        }
        else
        {
            Tile6<V, PackedLayout, Fetching>(a, Rows<V>(), b, Columns<V>(), depth, c, cStride, end, lines, stride);
        }
    }

    /// <summary>c = a b. Where no tiles fit exactly the last one computes some rows a second time, which is faster than one by one.</summary>
    public static void Overwrite<V, L>(int rows, int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
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
        where L : struct, ILeftLayout
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
        where L : struct, ILeftLayout
    {
        int high = Rows<V>(), tiles = rows / high, rest = rows - tiles * high;
        if (tiles > 0 && rest > 0 && rest <= high / 3)
        {
            tiles--;
        }

        for (int row = 0; row < tiles * high; row += high)
        {
            Full<V, L>(depth, a + row * L.Row(aStride), aStride, b, bStride, c + row * cStride, cStride, end.Down(row));
        }

        return tiles * high;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Full<V, L>(int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        if (V.Count == 16)
        {
            Tile12<V, L, NoSideWork>(a, aStride, b, bStride, depth, c, cStride, end, null, 0);
        }
        else
        {
            Tile6<V, L, NoSideWork>(a, aStride, b, bStride, depth, c, cStride, end, null, 0);
        }
    }

    private static void Low<V, L>(int depth, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
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
