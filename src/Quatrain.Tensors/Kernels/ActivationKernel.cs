using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Kernels;

/// <summary>An activation function and its derivative, over lanes.</summary>
internal interface IActivation
{
    static abstract V Value<V>(V x)
        where V : unmanaged, ILanes<V>;

    static abstract V Derivative<V>(V x)
        where V : unmanaged, ILanes<V>;
}

/// <summary>x Phi(x): GELU as defined (Hendrycks and Gimpel, "Gaussian error linear units", 2016), and as nanoGPT uses it.</summary>
internal readonly struct GeluExact : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<V>(V x)
        where V : unmanaged, ILanes<V> => x * VectorMath.NormalDistribution(x, out _);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V distribution = VectorMath.NormalDistribution(x, out V density);
        return V.MultiplyAdd(x, density, distribution);
    }
}

/// <summary>0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): the approximation GPT-2 was trained with.</summary>
internal readonly struct GeluTanh : IActivation
{
    private const float Scale = 0.7978845608f;
    private const float Cubic = 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V half = x * V.Broadcast(0.5f);
        return V.MultiplyAdd(half, Inner(x), half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x)
        where V : unmanaged, ILanes<V>
    {
        V one = V.Broadcast(1), half = V.Broadcast(0.5f);
        V tanh = Inner(x);
        V slope = V.MultiplyAdd(x * x, V.Broadcast(3 * Scale * Cubic), V.Broadcast(Scale));
        return half * (one + tanh) + half * x * (one - tanh * tanh) * slope;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Inner<V>(V x)
        where V : unmanaged, ILanes<V> =>
        VectorMath.Tanh(x * V.MultiplyAdd(x * x, V.Broadcast(Scale * Cubic), V.Broadcast(Scale)));
}

/// <summary>x itself, for products without an activation function.</summary>
internal readonly struct Identity : IActivation
{
    public static V Value<V>(V x)
        where V : unmanaged, ILanes<V> => x;

    public static V Derivative<V>(V x)
        where V : unmanaged, ILanes<V> => V.Broadcast(1);
}

/// <summary>max(x, 0), with derivative 0 at 0.</summary>
internal readonly struct Relu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Value<V>(V x)
        where V : unmanaged, ILanes<V> => V.WhereLess(V.Zero, x, x, V.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x)
        where V : unmanaged, ILanes<V> => V.WhereLess(V.Zero, x, V.Broadcast(1), V.Zero);
}

/// <summary>Applies an activation to every element.</summary>
internal static unsafe class ActivationKernel
{
    /// <summary>y = f(x), <paramref name="count"/> elements; y is overwritten.</summary>
    public static void Forward<TActivation>(float* x, int count, float* y, WorkerPool pool)
        where TActivation : unmanaged, IActivation =>
        pool.Run(new ForwardWork<TActivation> { X = x, Count = count, Y = y }, Chunks.Count(count));

    /// <summary>dx = dy f'(x), or dx += it where <paramref name="accumulate"/>; dx may be dy itself.</summary>
    public static void Backward<TActivation>(float* x, float* yGrad, int count, float* xGrad, bool accumulate, WorkerPool pool)
        where TActivation : unmanaged, IActivation =>
        pool.Run(new BackwardWork<TActivation> { X = x, YGrad = yGrad, Count = count, XGrad = xGrad, Accumulate = accumulate }, Chunks.Count(count));

    /// <summary>y[i] = f(x[i]) from <paramref name="i"/> to <paramref name="stop"/>, as far as whole registers go; returns where it stopped.</summary>
    public static int Apply<V, TActivation>(float* x, int i, int stop, float* y)
        where V : unmanaged, ILanes<V>
        where TActivation : unmanaged, IActivation
    {
        for (; i + V.Count <= stop; i += V.Count)
        {
            TActivation.Value(V.Load(x + i)).Store(y + i);
        }

        return i;
    }

    private struct ForwardWork<TActivation> : IWork
        where TActivation : unmanaged, IActivation
    {
        public float* X, Y;
        public int Count;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            (int i, int stop) = Chunks.Range(start, end, Count);
            i = Apply<V, TActivation>(X, i, stop, Y);
            Apply<Lanes1, TActivation>(X, i, stop, Y);
        }
    }

    private struct BackwardWork<TActivation> : IWork
        where TActivation : unmanaged, IActivation
    {
        public float* X, YGrad, XGrad;
        public int Count;
        public bool Accumulate;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            (int i, int stop) = Chunks.Range(start, end, Count);
            i = Loop<V>(i, stop);
            Loop<Lanes1>(i, stop);
        }

        private readonly int Loop<V>(int i, int stop)
            where V : unmanaged, ILanes<V>
        {
            for (; i + V.Count <= stop; i += V.Count)
            {
                V grad = V.Load(YGrad + i) * TActivation.Derivative(V.Load(X + i));
                (Accumulate ? V.Load(XGrad + i) + grad : grad).Store(XGrad + i);
            }

            return i;
        }
    }
}
