using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class RegisterTile
{
    /// <summary>12 rows by two registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile12<V, L, P>(
        float* a, nint aStride, float* b, nint bStride, int depth, float* c, nint cStride, in TileEnd end, float* side, nint sideStride)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
        where P : struct, ISideWork
    {
        nint row = L.Row(aStride);
        float* a1 = a + 4 * row;
        float* a2 = a + 8 * row;
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
        for (; depth > 0; depth--)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            if (P.Packs)
            {
                left.Store(side);
                right.Store(side + V.Count);
                side += Columns<V>();
            }

            if (P.Fetches && (depth & (DepthPerLine - 1)) == 0)
            {
                Prefetch.SoonLine(side);
                side += sideStride;
            }

            x = V.Broadcast(a[0]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            x = V.Broadcast(a1[0]);
            l4 = V.MultiplyAdd(x, left, l4);
            r4 = V.MultiplyAdd(x, right, r4);
            x = V.Broadcast(a1[row]);
            l5 = V.MultiplyAdd(x, left, l5);
            r5 = V.MultiplyAdd(x, right, r5);
            x = V.Broadcast(a1[2 * row]);
            l6 = V.MultiplyAdd(x, left, l6);
            r6 = V.MultiplyAdd(x, right, r6);
            x = V.Broadcast(a1[3 * row]);
            l7 = V.MultiplyAdd(x, left, l7);
            r7 = V.MultiplyAdd(x, right, r7);
            x = V.Broadcast(a2[0]);
            l8 = V.MultiplyAdd(x, left, l8);
            r8 = V.MultiplyAdd(x, right, r8);
            x = V.Broadcast(a2[row]);
            l9 = V.MultiplyAdd(x, left, l9);
            r9 = V.MultiplyAdd(x, right, r9);
            x = V.Broadcast(a2[2 * row]);
            l10 = V.MultiplyAdd(x, left, l10);
            r10 = V.MultiplyAdd(x, right, r10);
            x = V.Broadcast(a2[3 * row]);
            l11 = V.MultiplyAdd(x, left, l11);
            r11 = V.MultiplyAdd(x, right, r11);
            a += L.Column(aStride);
            a1 += L.Column(aStride);
            a2 += L.Column(aStride);
            b += bStride;
        }

        end.Store(l0, r0, c, 0);
        end.Store(l1, r1, c + cStride, 1);
        end.Store(l2, r2, c + 2 * cStride, 2);
        end.Store(l3, r3, c + 3 * cStride, 3);
        end.Store(l4, r4, c + 4 * cStride, 4);
        end.Store(l5, r5, c + 5 * cStride, 5);
        end.Store(l6, r6, c + 6 * cStride, 6);
        end.Store(l7, r7, c + 7 * cStride, 7);
        end.Store(l8, r8, c + 8 * cStride, 8);
        end.Store(l9, r9, c + 9 * cStride, 9);
        end.Store(l10, r10, c + 10 * cStride, 10);
        end.Store(l11, r11, c + 11 * cStride, 11);
    }

    /// <summary>8 rows by two registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile8<V, L>(float* a, nint aStride, float* b, nint bStride, int depth, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        nint row = L.Row(aStride);
        float* a1 = a + 4 * row;
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        V l4 = V.Zero, r4 = V.Zero;
        V l5 = V.Zero, r5 = V.Zero;
        V l6 = V.Zero, r6 = V.Zero;
        V l7 = V.Zero, r7 = V.Zero;
        for (; depth > 0; depth--)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            x = V.Broadcast(a[0]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            x = V.Broadcast(a1[0]);
            l4 = V.MultiplyAdd(x, left, l4);
            r4 = V.MultiplyAdd(x, right, r4);
            x = V.Broadcast(a1[row]);
            l5 = V.MultiplyAdd(x, left, l5);
            r5 = V.MultiplyAdd(x, right, r5);
            x = V.Broadcast(a1[2 * row]);
            l6 = V.MultiplyAdd(x, left, l6);
            r6 = V.MultiplyAdd(x, right, r6);
            x = V.Broadcast(a1[3 * row]);
            l7 = V.MultiplyAdd(x, left, l7);
            r7 = V.MultiplyAdd(x, right, r7);
            a += L.Column(aStride);
            a1 += L.Column(aStride);
            b += bStride;
        }

        end.Store(l0, r0, c, 0);
        end.Store(l1, r1, c + cStride, 1);
        end.Store(l2, r2, c + 2 * cStride, 2);
        end.Store(l3, r3, c + 3 * cStride, 3);
        end.Store(l4, r4, c + 4 * cStride, 4);
        end.Store(l5, r5, c + 5 * cStride, 5);
        end.Store(l6, r6, c + 6 * cStride, 6);
        end.Store(l7, r7, c + 7 * cStride, 7);
    }

    /// <summary>6 rows by two registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile6<V, L, P>(
        float* a, nint aStride, float* b, nint bStride, int depth, float* c, nint cStride, in TileEnd end, float* side, nint sideStride)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
        where P : struct, ISideWork
    {
        nint row = L.Row(aStride);
        float* a1 = a + 4 * row;
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        V l4 = V.Zero, r4 = V.Zero;
        V l5 = V.Zero, r5 = V.Zero;
        for (; depth > 0; depth--)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            if (P.Packs)
            {
                left.Store(side);
                right.Store(side + V.Count);
                side += Columns<V>();
            }

            if (P.Fetches && (depth & (DepthPerLine - 1)) == 0)
            {
                Prefetch.SoonLine(side);
                side += sideStride;
            }

            x = V.Broadcast(a[0]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            x = V.Broadcast(a1[0]);
            l4 = V.MultiplyAdd(x, left, l4);
            r4 = V.MultiplyAdd(x, right, r4);
            x = V.Broadcast(a1[row]);
            l5 = V.MultiplyAdd(x, left, l5);
            r5 = V.MultiplyAdd(x, right, r5);
            a += L.Column(aStride);
            a1 += L.Column(aStride);
            b += bStride;
        }

        end.Store(l0, r0, c, 0);
        end.Store(l1, r1, c + cStride, 1);
        end.Store(l2, r2, c + 2 * cStride, 2);
        end.Store(l3, r3, c + 3 * cStride, 3);
        end.Store(l4, r4, c + 4 * cStride, 4);
        end.Store(l5, r5, c + 5 * cStride, 5);
    }

    /// <summary>4 rows by two registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile4<V, L>(float* a, nint aStride, float* b, nint bStride, int depth, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        nint row = L.Row(aStride);
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        for (; depth > 0; depth--)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            x = V.Broadcast(a[0]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            x = V.Broadcast(a[row]);
            l1 = V.MultiplyAdd(x, left, l1);
            r1 = V.MultiplyAdd(x, right, r1);
            x = V.Broadcast(a[2 * row]);
            l2 = V.MultiplyAdd(x, left, l2);
            r2 = V.MultiplyAdd(x, right, r2);
            x = V.Broadcast(a[3 * row]);
            l3 = V.MultiplyAdd(x, left, l3);
            r3 = V.MultiplyAdd(x, right, r3);
            a += L.Column(aStride);
            b += bStride;
        }

        end.Store(l0, r0, c, 0);
        end.Store(l1, r1, c + cStride, 1);
        end.Store(l2, r2, c + 2 * cStride, 2);
        end.Store(l3, r3, c + 3 * cStride, 3);
    }

    /// <summary>1 row by two registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile1<V, L>(float* a, nint aStride, float* b, nint bStride, int depth, float* c, nint cStride, in TileEnd end)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        V l0 = V.Zero, r0 = V.Zero;
        for (; depth > 0; depth--)
        {
            V left = V.Load(b), right = V.Load(b + V.Count), x;
            x = V.Broadcast(a[0]);
            l0 = V.MultiplyAdd(x, left, l0);
            r0 = V.MultiplyAdd(x, right, r0);
            a += L.Column(aStride);
            b += bStride;
        }

        end.Store(l0, r0, c, 0);
    }

    /// <summary>8 rows by one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Half8<V, L>(float* a, nint aStride, float* b, nint bStride, int depth, float* c, nint cStride)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
    {
        nint row = L.Row(aStride);
        float* a1 = a + 4 * row;
        V l0 = V.Zero;
        V l1 = V.Zero;
        V l2 = V.Zero;
        V l3 = V.Zero;
        V l4 = V.Zero;
        V l5 = V.Zero;
        V l6 = V.Zero;
        V l7 = V.Zero;
        for (; depth > 0; depth--)
        {
            V left = V.Load(b);
            l0 = V.MultiplyAdd(V.Broadcast(a[0]), left, l0);
            l1 = V.MultiplyAdd(V.Broadcast(a[row]), left, l1);
            l2 = V.MultiplyAdd(V.Broadcast(a[2 * row]), left, l2);
            l3 = V.MultiplyAdd(V.Broadcast(a[3 * row]), left, l3);
            l4 = V.MultiplyAdd(V.Broadcast(a1[0]), left, l4);
            l5 = V.MultiplyAdd(V.Broadcast(a1[row]), left, l5);
            l6 = V.MultiplyAdd(V.Broadcast(a1[2 * row]), left, l6);
            l7 = V.MultiplyAdd(V.Broadcast(a1[3 * row]), left, l7);
            a += L.Column(aStride);
            a1 += L.Column(aStride);
            b += bStride;
        }

        l0.Store(c);
        l1.Store(c + cStride);
        l2.Store(c + 2 * cStride);
        l3.Store(c + 3 * cStride);
        l4.Store(c + 4 * cStride);
        l5.Store(c + 5 * cStride);
        l6.Store(c + 6 * cStride);
        l7.Store(c + 7 * cStride);
    }
}
