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
            V.AddProduct(ref l0, x, left);
            V.AddProduct(ref r0, x, right);
            x = V.Broadcast(a[row]);
            V.AddProduct(ref l1, x, left);
            V.AddProduct(ref r1, x, right);
            x = V.Broadcast(a[2 * row]);
            V.AddProduct(ref l2, x, left);
            V.AddProduct(ref r2, x, right);
            x = V.Broadcast(a[3 * row]);
            V.AddProduct(ref l3, x, left);
            V.AddProduct(ref r3, x, right);
            x = V.Broadcast(a1[0]);
            V.AddProduct(ref l4, x, left);
            V.AddProduct(ref r4, x, right);
            x = V.Broadcast(a1[row]);
            V.AddProduct(ref l5, x, left);
            V.AddProduct(ref r5, x, right);
            x = V.Broadcast(a1[2 * row]);
            V.AddProduct(ref l6, x, left);
            V.AddProduct(ref r6, x, right);
            x = V.Broadcast(a1[3 * row]);
            V.AddProduct(ref l7, x, left);
            V.AddProduct(ref r7, x, right);
            x = V.Broadcast(a2[0]);
            V.AddProduct(ref l8, x, left);
            V.AddProduct(ref r8, x, right);
            x = V.Broadcast(a2[row]);
            V.AddProduct(ref l9, x, left);
            V.AddProduct(ref r9, x, right);
            x = V.Broadcast(a2[2 * row]);
            V.AddProduct(ref l10, x, left);
            V.AddProduct(ref r10, x, right);
            x = V.Broadcast(a2[3 * row]);
            V.AddProduct(ref l11, x, left);
            V.AddProduct(ref r11, x, right);
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
            V.AddProduct(ref l0, x, left);
            V.AddProduct(ref r0, x, right);
            x = V.Broadcast(a[row]);
            V.AddProduct(ref l1, x, left);
            V.AddProduct(ref r1, x, right);
            x = V.Broadcast(a[2 * row]);
            V.AddProduct(ref l2, x, left);
            V.AddProduct(ref r2, x, right);
            x = V.Broadcast(a[3 * row]);
            V.AddProduct(ref l3, x, left);
            V.AddProduct(ref r3, x, right);
            x = V.Broadcast(a1[0]);
            V.AddProduct(ref l4, x, left);
            V.AddProduct(ref r4, x, right);
            x = V.Broadcast(a1[row]);
            V.AddProduct(ref l5, x, left);
            V.AddProduct(ref r5, x, right);
            x = V.Broadcast(a1[2 * row]);
            V.AddProduct(ref l6, x, left);
            V.AddProduct(ref r6, x, right);
            x = V.Broadcast(a1[3 * row]);
            V.AddProduct(ref l7, x, left);
            V.AddProduct(ref r7, x, right);
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
            V.AddProduct(ref l0, x, left);
            V.AddProduct(ref r0, x, right);
            x = V.Broadcast(a[row]);
            V.AddProduct(ref l1, x, left);
            V.AddProduct(ref r1, x, right);
            x = V.Broadcast(a[2 * row]);
            V.AddProduct(ref l2, x, left);
            V.AddProduct(ref r2, x, right);
            x = V.Broadcast(a[3 * row]);
            V.AddProduct(ref l3, x, left);
            V.AddProduct(ref r3, x, right);
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
            V.AddProduct(ref l0, x, left);
            V.AddProduct(ref r0, x, right);
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
            V.AddProduct(ref l0, V.Broadcast(a[0]), left);
            V.AddProduct(ref l1, V.Broadcast(a[row]), left);
            V.AddProduct(ref l2, V.Broadcast(a[2 * row]), left);
            V.AddProduct(ref l3, V.Broadcast(a[3 * row]), left);
            V.AddProduct(ref l4, V.Broadcast(a1[0]), left);
            V.AddProduct(ref l5, V.Broadcast(a1[row]), left);
            V.AddProduct(ref l6, V.Broadcast(a1[2 * row]), left);
            V.AddProduct(ref l7, V.Broadcast(a1[3 * row]), left);
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
