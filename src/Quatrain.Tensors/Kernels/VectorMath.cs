using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>Exponential, hyperbolic tangent and the normal distribution over lanes, with their error bounds (tested).</summary>
internal static class VectorMath
{
    /// <summary>e^x within 2 units in the last place; 0 below -87.3 (also for minus infinity), and e^88 above 88.</summary>
    /// <remarks>x = n ln 2 + r, e^x = 2^n e^r, with the polynomial of Cephes' expf for e^r on |r| &lt;= ln 2 / 2.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        const float Lowest = -87.3f, Highest = 88;
        V clamped = V.Min(V.Max(x, V.Broadcast(Lowest)), V.Broadcast(Highest));
        V n = V.Round(clamped * V.Broadcast(1.44269504f));
        // ln 2 in two parts, the first short enough that its product with n is exact.
        V r = V.MultiplyAdd(n, V.Broadcast(-0.693359375f), clamped);
        r = V.MultiplyAdd(n, V.Broadcast(2.12194440e-4f), r);
        V p = V.Broadcast(1.9875691500e-4f);
        p = V.MultiplyAdd(p, r, V.Broadcast(1.3981999507e-3f));
        p = V.MultiplyAdd(p, r, V.Broadcast(8.3334519073e-3f));
        p = V.MultiplyAdd(p, r, V.Broadcast(4.1665795894e-2f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1.6666665459e-1f));
        p = V.MultiplyAdd(p, r, V.Broadcast(5.0000001201e-1f));
        p = V.MultiplyAdd(p, r * r, r) + V.Broadcast(1);
        return V.WhereLess(x, V.Broadcast(Lowest), V.Zero, p * V.PowerOfTwo(n));
    }

    /// <summary>tanh x within an absolute error of 2e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V one = V.Broadcast(1);
        V e = Exp(x + x);
        return one - V.Broadcast(2) / (e + one);
    }

    /// <summary>
    /// The normal distribution's Phi(x) = (1 + erf(x / sqrt 2)) / 2 within an absolute error of 2e-7, and its density exp(-x^2 / 2) / sqrt(2 pi).
    /// </summary>
    /// <remarks>
    /// Phi(-z) = exp(-z^2 / 2) P(t) with t = 1 / (1 + 0.3 z) for z >= 0: the form of Abramowitz and Stegun 26.2.17, with a polynomial
    /// of degree 8 fitted by us to a relative error of 5e-8 on [0, 9], so that the far negative tail keeps its relative precision too.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V NormalDistribution<V>(V x, out V density)
        where V : unmanaged, ILanes<V>
    {
        V z = V.Abs(x);
        V e = Exp(z * z * V.Broadcast(-0.5f));
        density = e * V.Broadcast(0.39894228f);
        V t = V.Broadcast(1) / V.MultiplyAdd(z, V.Broadcast(0.3f), V.Broadcast(1));
        V p = V.Broadcast(0.0375360726f);
        p = V.MultiplyAdd(p, t, V.Broadcast(-0.165021301f));
        p = V.MultiplyAdd(p, t, V.Broadcast(0.219974361f));
        p = V.MultiplyAdd(p, t, V.Broadcast(-0.0664057609f));
        p = V.MultiplyAdd(p, t, V.Broadcast(0.135422049f));
        p = V.MultiplyAdd(p, t, V.Broadcast(0.0977833047f));
        p = V.MultiplyAdd(p, t, V.Broadcast(0.121105816f));
        p = V.MultiplyAdd(p, t, V.Broadcast(0.119605483f));
        V tail = e * (p * t);
        return V.WhereLess(x, V.Zero, tail, V.Broadcast(1) - tail);
    }

    /// <summary>2^x for x up to 0 within 2 units in the last place, and 1 above, where only rounding can be; below -100 it stays at 2^-100.</summary>
    /// <remarks>
    /// x = n + r, and 1 + r P(r) for 2^r with a polynomial fitted by us to a relative error of 2e-9 on |r| &lt;= 1/2. For softmax: no
    /// selection below, and the least result is so far above the least normal number that products with it don't become denormal.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V PowerOfTwoBelowOne<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V clamped = V.Min(V.Max(x, V.Broadcast(-100)), V.Zero);
        V n = V.Round(clamped);
        V r = clamped - n;
        V p = V.Broadcast(1.53533605e-4f);
        p = V.MultiplyAdd(p, r, V.Broadcast(1.3398875e-3f));
        p = V.MultiplyAdd(p, r, V.Broadcast(9.61843692e-3f));
        p = V.MultiplyAdd(p, r, V.Broadcast(5.55033237e-2f));
        p = V.MultiplyAdd(p, r, V.Broadcast(0.240226477f));
        p = V.MultiplyAdd(p, r, V.Broadcast(0.693147182f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1));
        return p * V.PowerOfTwo(n);
    }
}
