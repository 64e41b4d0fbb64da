namespace Quatrain.Tensors.Tests.Reference;

/// <summary>The matrix product as one writes it down.</summary>
internal static class MatMulReference
{
    /// <summary>c[M, N] = a b + bias + addend; a is [M, K], or [K, M] where transposed, b is [K, N], or [N, K]; bias and addend may be null.</summary>
    public static ReferenceResult Multiply(
        float[] a, bool aTransposed, float[] b, bool bTransposed, int m, int n, int k, float[]? bias, float[]? addend)
    {
        ReferenceResult c = new(m * n);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                double sum = 0, magnitude = 0;
                for (int l = 0; l < k; l++)
                {
                    double term = (double)a[aTransposed ? l * m + i : i * k + l] * b[bTransposed ? j * k + l : l * n + j];
                    sum += term;
                    magnitude += Math.Abs(term);
                }

                c.Add(i * n + j, sum, magnitude);
                c.Add(i * n + j, bias is null ? 0 : bias[j]);
                c.Add(i * n + j, addend is null ? 0 : addend[i * n + j]);
            }
        }

        return c;
    }
}
