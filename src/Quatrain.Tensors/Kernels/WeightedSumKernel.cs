namespace Quatrain.Tensors.Kernels;

/// <summary>The sum of x * weights, added up in double precision so that a small change of one element is not lost. On one thread: it serves checks.</summary>
internal static unsafe class WeightedSumKernel
{
    /// <summary>The sum of x[i] * weights[i] over <paramref name="count"/> elements.</summary>
    public static double Forward(float* x, float* weights, int count)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            sum += (double)x[i] * weights[i];
        }

        return sum;
    }

    /// <summary>dx = (or +=) weights * <paramref name="sumGrad"/>.</summary>
    public static void Backward(float* weights, float sumGrad, int count, float* xGrad, bool accumulate)
    {
        for (int i = 0; i < count; i++)
        {
            xGrad[i] = (accumulate ? xGrad[i] : 0) + weights[i] * sumGrad;
        }
    }
}
