using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

internal static unsafe partial class RegisterTile
{
    private const int SixRows = 6;

    /// <summary>6 rows by two registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Tile6<V, L, P>(
        float* a, nint aStride, float* b, nint bStride, int depth, float* c, nint cStride, in TileEnd end, float* side, nint sideStride)
        where V : unmanaged, ILanes<V>
        where L : struct, ILeftLayout
        where P : struct, ISideWork
    {
        nint row = L.Row(aStride);
        V l0 = V.Zero, r0 = V.Zero;
        V l1 = V.Zero, r1 = V.Zero;
        V l2 = V.Zero, r2 = V.Zero;
        V l3 = V.Zero, r3 = V.Zero;
        V l4 = V.Zero, r4 = V.Zero;
        V l5 = V.Zero, r5 = V.Zero;
        for (; depth >= TermsAtOnce; depth -= TermsAtOnce)
        {
            if (P.Fetches && (depth & (DepthPerLine - TermsAtOnce)) == 0)
            {
                Prefetch.SoonLine(side);
                side += sideStride;
            }

            // Of packed panels the four terms differ by constants, and pointers move once for all of them.
            Term6<V, P>(a, row, b, 0, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5, side);
            a += L.IsPacked ? 0 : L.Column(aStride);
            b += L.IsPacked ? 0 : bStride;
            side += P.Packs ? Columns<V>() : 0;
            Term6<V, P>(a, row, b, L.IsPacked ? 1 : 0, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5, side);
            a += L.IsPacked ? 0 : L.Column(aStride);
            b += L.IsPacked ? 0 : bStride;
            side += P.Packs ? Columns<V>() : 0;
            Term6<V, P>(a, row, b, L.IsPacked ? 2 : 0, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5, side);
            a += L.IsPacked ? 0 : L.Column(aStride);
            b += L.IsPacked ? 0 : bStride;
            side += P.Packs ? Columns<V>() : 0;
            Term6<V, P>(a, row, b, L.IsPacked ? 3 : 0, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5, side);
            a += L.IsPacked ? 0 : L.Column(aStride);
            b += L.IsPacked ? 0 : bStride;
            side += P.Packs ? Columns<V>() : 0;
            a += L.IsPacked ? TermsAtOnce * SixRows : 0;
            b += L.IsPacked ? TermsAtOnce * Columns<V>() : 0;
        }

        for (; depth > 0; depth--)
        {
            Term6<V, P>(a, row, b, 0, ref l0, ref r0, ref l1, ref r1, ref l2, ref r2, ref l3, ref r3, ref l4, ref r4, ref l5, ref r5, side);
            a += L.Column(aStride);
            b += bStride;
            side += P.Packs ? Columns<V>() : 0;
        }

        end.Store(l0, r0, c, 0);
        end.Store(l1, r1, c + cStride, 1);
        end.Store(l2, r2, c + 2 * cStride, 2);
        end.Store(l3, r3, c + 3 * cStride, 3);
        end.Store(l4, r4, c + 4 * cStride, 4);
        end.Store(l5, r5, c + 5 * cStride, 5);
    }

    /// <summary>Adds a term, of packed panels the one that is <paramref name="term"/> further on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Term6<V, P>(
        float* a, nint row, float* b, int term,
        ref V l0, ref V r0,
        ref V l1, ref V r1,
        ref V l2, ref V r2,
        ref V l3, ref V r3,
        ref V l4, ref V r4,
        ref V l5, ref V r5, float* packed)
        where V : unmanaged, ILanes<V>
        where P : struct, ISideWork
    {
        V left = V.Load(b + term * Columns<V>()), right = V.Load(b + term * Columns<V>() + V.Count), x;
        if (P.Packs)
        {
            left.Store(packed);
            right.Store(packed + V.Count);
        }

        x = V.Broadcast(a[SixRows * term]);
        V.AddProduct(ref l0, x, left);
        V.AddProduct(ref r0, x, right);
        x = V.Broadcast(a[SixRows * term + row]);
        V.AddProduct(ref l1, x, left);
        V.AddProduct(ref r1, x, right);
        x = V.Broadcast(a[SixRows * term + 2 * row]);
        V.AddProduct(ref l2, x, left);
        V.AddProduct(ref r2, x, right);
        x = V.Broadcast(a[SixRows * term + 3 * row]);
        V.AddProduct(ref l3, x, left);
        V.AddProduct(ref r3, x, right);
        x = V.Broadcast(a[SixRows * term + 4 * row]);
        V.AddProduct(ref l4, x, left);
        V.AddProduct(ref r4, x, right);
        x = V.Broadcast(a[SixRows * term + 5 * row]);
        V.AddProduct(ref l5, x, left);
        V.AddProduct(ref r5, x, right);
    }
}
