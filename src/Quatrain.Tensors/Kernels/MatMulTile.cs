using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>Where element (m, k) of a tile's left operand lies: a[m * Row + k * Column]. Both are constants to the JIT.</summary>
internal interface ILeftLayout
{
    static abstract nint Row { get; }

    static abstract nint Column { get; }
}

/// <summary>A packed panel of the left operand: all rows of one k together, <see cref="MatMulTile.Rows{V}"/> of them.</summary>
internal readonly struct PackedPanel<V> : ILeftLayout
    where V : unmanaged, ILanes<V>
{
    public static nint Row => 1;

    public static nint Column => MatMulTile.Rows<V>();
}

/// <summary>A block as wide as a tile whose columns are the left operand's rows: read down its rows it needs no packing.</summary>
internal readonly struct BlockColumns<V> : ILeftLayout
    where V : unmanaged, ILanes<V>
{
    public static nint Row => 1;

    public static nint Column => MatMulTile.Columns<V>();
}

/// <summary>A block as wide as a tile whose rows are the left operand's rows.</summary>
internal readonly struct BlockRows<V> : ILeftLayout
    where V : unmanaged, ILanes<V>
{
    public static nint Row => MatMulTile.Columns<V>();

    public static nint Column => 1;
}

/// <summary>Whether a tile packs its right operand for the tiles after it while it reads it. Constant to the JIT.</summary>
internal interface IPacking
{
    static abstract bool Packs { get; }
}

/// <summary>The right operand is packed already, or not worth packing.</summary>
internal readonly struct PackedBefore : IPacking
{
    public static bool Packs => false;
}

/// <summary>The right operand is packed on the way.</summary>
internal readonly struct PackedOnTheWay : IPacking
{
    public static bool Packs => true;
}

/// <summary>
/// What a tile does with its sums: c = sums + bias + addend, the last two only where given. The addend may be c itself (to accumulate)
/// or a matrix of c's shape (a residual).
/// </summary>
internal readonly unsafe struct TileOutput(nint cStride, float* bias, float* addend, nint addendStride)
{
    /// <summary>Writes the two registers of row <paramref name="row"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<V>(V left, V right, float* c, nint row)
        where V : unmanaged, ILanes<V>
    {
        if (bias is not null)
        {
            left += V.Load(bias);
            right += V.Load(bias + V.Count);
        }

        if (addend is not null)
        {
            float* from = addend + row * addendStride;
            left += V.Load(from);
            right += V.Load(from + V.Count);
        }

        float* to = c + row * cStride;
        left.Store(to);
        right.Store(to + V.Count);
    }

    /// <summary>Does for a row of sums in memory what <see cref="Store{V}"/> does for registers, as far as whole registers go; returns where it stopped.</summary>
    public int StoreRow<V>(float* sums, nint row, int start, int columns, float* c)
        where V : unmanaged, ILanes<V>
    {
        int i = start;
        for (; i + V.Count <= columns; i += V.Count)
        {
            V sum = V.Load(sums + i);
            sum = bias is null ? sum : sum + V.Load(bias + i);
            sum = addend is null ? sum : sum + V.Load(addend + row * addendStride + i);
            sum.Store(c + row * cStride + i);
        }

        return i;
    }

    /// <summary>Asks for what is going to be added, so that it has come when the sums are done.</summary>
    public void PrefetchAddend(int rows, int columns)
    {
        if (addend is not null)
        {
            Prefetch.All(addend, addendStride, rows, columns);
        }
    }

    /// <summary>The same output for the tile that begins <paramref name="rows"/> further down.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TileOutput Down(nint rows) => new(cStride, bias, addend is null ? null : addend + rows * addendStride, addendStride);
}

/// <summary>
/// The register tiles of every matrix product: c[m, n] = sum over k of a[m, k] * b[k, n] for a few rows m and two registers of columns n.
/// </summary>
/// <remarks>
/// A lane is a column. With 16 lanes a tile has 12 rows: 24 registers of sums, 2 of b and 1 for the broadcast element of a fit the 32 there are, and
/// 24 independent sums hide the latency of the fused multiply-add. With fewer lanes there are 16 registers and 6 rows.
/// Every element is one chain of multiply-adds in the order of k whatever the tile's height, so a row's result does not depend on
/// how many rows the product has.
/// </remarks>
internal static unsafe class MatMulTile
{
    /// <summary>The rows of a full tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Rows<V>()
        where V : unmanaged, ILanes<V> => V.Count == 16 ? 12 : 6;

    /// <summary>The columns of a tile: two registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Columns<V>()
        where V : unmanaged, ILanes<V> => 2 * V.Count;

    /// <summary>The rows of a full tile with this machine's registers, for code that reserves memory before a width is chosen.</summary>
    public static int MachineRows => WorkerPool.Lanes == 16 ? Rows<Lanes16>() : Rows<Lanes8>();

    /// <summary>The columns of a tile with this machine's registers.</summary>
    public static int MachineColumns => 2 * WorkerPool.Lanes;

    /// <summary>
    /// Computes <paramref name="rows"/> rows (at most a full tile) by two registers of columns.
    /// </summary>
    /// <param name="rows">How many rows, from 1 to <see cref="Rows{V}"/>.</param>
    /// <param name="depth">The number of terms in each sum.</param>
    /// <param name="a">The left operand, laid out as <typeparamref name="L"/> says.</param>
    /// <param name="b">The right operand: row k begins at b + k * <paramref name="bStride"/>.</param>
    /// <param name="bStride">Floats from one row of b to the next.</param>
    /// <param name="output">What to do with the sums.</param>
    /// <param name="c">The first element of the result.</param>
    /// <param name="cStride">Floats from one row of c to the next.</param>
    public static void Compute<V, L>(int rows, int depth, float* a, float* b, nint bStride, in TileOutput output, float* c, nint cStride)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        if (rows == Rows<V>())
        {
            if (V.Count == 16)
            {
                Tile12<V, L, PackedBefore>(a, b, bStride, depth, output, c, null);
            }
            else
            {
                Tile6<V, L, PackedBefore>(a, b, bStride, depth, output, c, null);
            }

            return;
        }

        int row = 0;
        if (V.Count == 16 && rows >= 8)
        {
            Tile8<V, L>(a, b, bStride, depth, output, c);
            row = 8;
        }

        for (; row + 4 <= rows; row += 4)
        {
            Tile4<V, L>(a + row * L.Row, b, bStride, depth, output.Down(row), c + row * cStride);
        }

        for (; row < rows; row++)
        {
            Tile1<V, L>(a + row * L.Row, b, bStride, depth, output.Down(row), c + row * cStride);
        }
    }

    /// <summary>
    /// Computes a full tile of a packed left operand and writes the right one, as it reads it, to <paramref name="packed"/>: a panel for the tiles after
    /// this one, which costs nothing beside the arithmetic.
    /// </summary>
    /// <param name="depth">The number of terms in each sum.</param>
    /// <param name="a">A packed panel of the left operand.</param>
    /// <param name="b">The right operand: row k begins at b + k * <paramref name="bStride"/>.</param>
    /// <param name="bStride">Floats from one row of b to the next.</param>
    /// <param name="output">What to do with the sums.</param>
    /// <param name="c">The first element of the result.</param>
    /// <param name="packed">Room for the panel.</param>
    public static void ComputeAndPack<V>(int depth, float* a, float* b, nint bStride, in TileOutput output, float* c, float* packed)
        where V : unmanaged, ILanes<V>
    {
        if (V.Count == 16)
        {
            Tile12<V, PackedPanel<V>, PackedOnTheWay>(a, b, bStride, depth, output, c, packed);
        }
        else
        {
            Tile6<V, PackedPanel<V>, PackedOnTheWay>(a, b, bStride, depth, output, c, packed);
        }
    }

    /// <summary>12 rows by two registers: 24 sums stay in registers over the whole of <paramref name="depth"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile12<V, L, P>(float* a, float* b, nint bStride, int depth, in TileOutput output, float* c, float* packed)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
        where P : struct, IPacking
    {
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        V l4 = V.Zero, r4 = V.Zero;
        V l5 = V.Zero, r5 = V.Zero;
        V l6 = V.Zero, r6 = V.Zero;
        V l7 = V.Zero, r7 = V.Zero;
        V l8 = V.Zero, r8 = V.Zero;
        V l9 = V.Zero, r9 = V.Zero;
        V l10 = V.Zero, r10 = V.Zero;
        V l11 = V.Zero, r11 = V.Zero;
        for (int k = 0; k < depth; k++)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            if (P.Packs)
            {
                left.Store(packed);
                right.Store(packed + V.Count);
                packed += Columns<V>();
            }

            x = V.Broadcast(a[0 * L.Row]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[1 * L.Row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * L.Row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * L.Row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            x = V.Broadcast(a[4 * L.Row]);
            l4 = V.MultiplyAdd(x, left, l4);
            r4 = V.MultiplyAdd(x, right, r4);
            x = V.Broadcast(a[5 * L.Row]);
            l5 = V.MultiplyAdd(x, left, l5);
            r5 = V.MultiplyAdd(x, right, r5);
            x = V.Broadcast(a[6 * L.Row]);
            l6 = V.MultiplyAdd(x, left, l6);
            r6 = V.MultiplyAdd(x, right, r6);
            x = V.Broadcast(a[7 * L.Row]);
            l7 = V.MultiplyAdd(x, left, l7);
            r7 = V.MultiplyAdd(x, right, r7);
            x = V.Broadcast(a[8 * L.Row]);
            l8 = V.MultiplyAdd(x, left, l8);
            r8 = V.MultiplyAdd(x, right, r8);
            x = V.Broadcast(a[9 * L.Row]);
            l9 = V.MultiplyAdd(x, left, l9);
            r9 = V.MultiplyAdd(x, right, r9);
            x = V.Broadcast(a[10 * L.Row]);
            l10 = V.MultiplyAdd(x, left, l10);
            r10 = V.MultiplyAdd(x, right, r10);
            x = V.Broadcast(a[11 * L.Row]);
            l11 = V.MultiplyAdd(x, left, l11);
            r11 = V.MultiplyAdd(x, right, r11);
            a += L.Column;
            b += bStride;
        }

        output.Store(l0, r0, c, 0);
        output.Store(l1, r1, c, 1);
        output.Store(l2, r2, c, 2);
        output.Store(l3, r3, c, 3);
        output.Store(l4, r4, c, 4);
        output.Store(l5, r5, c, 5);
        output.Store(l6, r6, c, 6);
        output.Store(l7, r7, c, 7);
        output.Store(l8, r8, c, 8);
        output.Store(l9, r9, c, 9);
        output.Store(l10, r10, c, 10);
        output.Store(l11, r11, c, 11);
    }

    /// <summary>8 rows by two registers: 16 sums stay in registers over the whole of <paramref name="depth"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile8<V, L>(float* a, float* b, nint bStride, int depth, in TileOutput output, float* c)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        V l4 = V.Zero, r4 = V.Zero;
        V l5 = V.Zero, r5 = V.Zero;
        V l6 = V.Zero, r6 = V.Zero;
        V l7 = V.Zero, r7 = V.Zero;
        for (int k = 0; k < depth; k++)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            x = V.Broadcast(a[0 * L.Row]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[1 * L.Row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * L.Row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * L.Row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            x = V.Broadcast(a[4 * L.Row]);
            l4 = V.MultiplyAdd(x, left, l4);
            r4 = V.MultiplyAdd(x, right, r4);
            x = V.Broadcast(a[5 * L.Row]);
            l5 = V.MultiplyAdd(x, left, l5);
            r5 = V.MultiplyAdd(x, right, r5);
            x = V.Broadcast(a[6 * L.Row]);
            l6 = V.MultiplyAdd(x, left, l6);
            r6 = V.MultiplyAdd(x, right, r6);
            x = V.Broadcast(a[7 * L.Row]);
            l7 = V.MultiplyAdd(x, left, l7);
            r7 = V.MultiplyAdd(x, right, r7);
            a += L.Column;
            b += bStride;
        }

        output.Store(l0, r0, c, 0);
        output.Store(l1, r1, c, 1);
        output.Store(l2, r2, c, 2);
        output.Store(l3, r3, c, 3);
        output.Store(l4, r4, c, 4);
        output.Store(l5, r5, c, 5);
        output.Store(l6, r6, c, 6);
        output.Store(l7, r7, c, 7);
    }

    /// <summary>6 rows by two registers: 12 sums stay in registers over the whole of <paramref name="depth"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile6<V, L, P>(float* a, float* b, nint bStride, int depth, in TileOutput output, float* c, float* packed)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
        where P : struct, IPacking
    {
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        V l4 = V.Zero, r4 = V.Zero;
        V l5 = V.Zero, r5 = V.Zero;
        for (int k = 0; k < depth; k++)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            if (P.Packs)
            {
                left.Store(packed);
                right.Store(packed + V.Count);
                packed += Columns<V>();
            }

            x = V.Broadcast(a[0 * L.Row]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[1 * L.Row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * L.Row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * L.Row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            x = V.Broadcast(a[4 * L.Row]);
            l4 = V.MultiplyAdd(x, left, l4);
            r4 = V.MultiplyAdd(x, right, r4);
            x = V.Broadcast(a[5 * L.Row]);
            l5 = V.MultiplyAdd(x, left, l5);
            r5 = V.MultiplyAdd(x, right, r5);
            a += L.Column;
            b += bStride;
        }

        output.Store(l0, r0, c, 0);
        output.Store(l1, r1, c, 1);
        output.Store(l2, r2, c, 2);
        output.Store(l3, r3, c, 3);
        output.Store(l4, r4, c, 4);
        output.Store(l5, r5, c, 5);
    }

    /// <summary>4 rows by two registers: 8 sums stay in registers over the whole of <paramref name="depth"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile4<V, L>(float* a, float* b, nint bStride, int depth, in TileOutput output, float* c)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        for (int k = 0; k < depth; k++)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            x = V.Broadcast(a[0 * L.Row]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[1 * L.Row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * L.Row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * L.Row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            a += L.Column;
            b += bStride;
        }

        output.Store(l0, r0, c, 0);
        output.Store(l1, r1, c, 1);
        output.Store(l2, r2, c, 2);
        output.Store(l3, r3, c, 3);
    }

    /// <summary>1 rows by two registers: 2 sums stay in registers over the whole of <paramref name="depth"/>.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile1<V, L>(float* a, float* b, nint bStride, int depth, in TileOutput output, float* c)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        V l0 = V.Zero, r0 = V.Zero;
        for (int k = 0; k < depth; k++)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            x = V.Broadcast(a[0 * L.Row]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            a += L.Column;
            b += bStride;
        }

        output.Store(l0, r0, c, 0);
    }
}
