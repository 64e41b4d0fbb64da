using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// What a tile does with its sums: c = (sums + bias + addend) * factors, each only where given. The addend may be c itself (to accumulate) or a matrix of
/// c's shape (a residual); there is one factor for each row.
/// </summary>
internal readonly unsafe struct TileEnd(float* bias, float* addend, nint addendStride, float* factors = null)
{
    /// <summary>c = sums.</summary>
    public static TileEnd Overwrite => default;

    /// <summary>c = c + sums.</summary>
    public static TileEnd AddTo(float* c, nint stride) => new(null, c, stride);

    /// <summary>Writes the two registers of row <paramref name="row"/> to <paramref name="c"/>.</summary>
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

        if (factors is not null)
        {
            V factor = V.Broadcast(factors[row]);
            left *= factor;
            right *= factor;
        }

        left.Store(c);
        right.Store(c + V.Count);
    }

    /// <summary>
    /// Does for a row of sums in memory what <see cref="Store{V}"/> does for registers, from <paramref name="start"/> as far as whole registers go; returns where it
    /// stopped.
    /// </summary>
    public int StoreRow<V>(float* sums, nint row, int start, int columns, float* c)
        where V : unmanaged, ILanes<V>
    {
        int i = start;
        for (; i + V.Count <= columns; i += V.Count)
        {
            V sum = V.Load(sums + i);
            sum = bias is null ? sum : sum + V.Load(bias + i);
            sum = addend is null ? sum : sum + V.Load(addend + row * addendStride + i);
            sum = factors is null ? sum : sum * V.Broadcast(factors[row]);
            sum.Store(c + i);
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

    /// <summary>The same for the tile that begins <paramref name="rows"/> further down.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TileEnd Down(nint rows) =>
        new(bias, addend is null ? null : addend + rows * addendStride, addendStride, factors is null ? null : factors + rows);
}
