using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <content>
/// One row times B [K, N] where all N sums fit in registers, which is what a head's values are: nothing is loaded or stored but B, once, from front to back.
/// </content>
internal static unsafe partial class FewRowsKernel
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Sums8Registers<V>(float* a, float* b, nint stride, int k, float* c)
        where V : unmanaged, ILanes<V>
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero, s4 = V.Zero, s5 = V.Zero, s6 = V.Zero, s7 = V.Zero;
        for (; k > 0; k--)
        {
            V x = V.Broadcast(*a);
            V.AddProduct(ref s0, x, V.Load(b));
            V.AddProduct(ref s1, x, V.Load(b + V.Count));
            V.AddProduct(ref s2, x, V.Load(b + 2 * V.Count));
            V.AddProduct(ref s3, x, V.Load(b + 3 * V.Count));
            V.AddProduct(ref s4, x, V.Load(b + 4 * V.Count));
            V.AddProduct(ref s5, x, V.Load(b + 5 * V.Count));
            V.AddProduct(ref s6, x, V.Load(b + 6 * V.Count));
            V.AddProduct(ref s7, x, V.Load(b + 7 * V.Count));
            a++;
            b += stride;
        }

        s0.Store(c);
        s1.Store(c + V.Count);
        s2.Store(c + 2 * V.Count);
        s3.Store(c + 3 * V.Count);
        s4.Store(c + 4 * V.Count);
        s5.Store(c + 5 * V.Count);
        s6.Store(c + 6 * V.Count);
        s7.Store(c + 7 * V.Count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Sums4Registers<V>(float* a, float* b, nint stride, int k, float* c)
        where V : unmanaged, ILanes<V>
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
        for (; k > 0; k--)
        {
            V x = V.Broadcast(*a);
            V.AddProduct(ref s0, x, V.Load(b));
            V.AddProduct(ref s1, x, V.Load(b + V.Count));
            V.AddProduct(ref s2, x, V.Load(b + 2 * V.Count));
            V.AddProduct(ref s3, x, V.Load(b + 3 * V.Count));
            a++;
            b += stride;
        }

        s0.Store(c);
        s1.Store(c + V.Count);
        s2.Store(c + 2 * V.Count);
        s3.Store(c + 3 * V.Count);
    }
}
