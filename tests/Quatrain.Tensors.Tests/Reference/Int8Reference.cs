namespace Quatrain.Tensors.Tests.Reference;

/// <summary>Blocks of int8 in double precision, as GGUF's Q8_0 defines them.</summary>
internal static class Int8Reference
{
    public const int Length = 32;

    /// <summary>The product of x [M, K], rounded as the kernel rounds it, and stored rows [N, K] of the bytes and scales given.</summary>
    public static ReferenceResult Multiply(float[] x, byte[] rows, int m, int n, int k, float[]? bias)
    {
        int blocks = (k + Length - 1) / Length;
        ReferenceResult c = new(m * n);
        for (int i = 0; i < m; i++)
        {
            (int[] quants, float[] scales) = Split(x.AsSpan(i * k, k));
            for (int j = 0; j < n; j++)
            {
                double sum = 0, magnitude = 0;
                for (int b = 0; b < blocks; b++)
                {
                    int at = (j * blocks + b) * (2 + Length);
                    long exact = 0;
                    for (int t = 0; t < Length; t++)
                    {
                        exact += quants[b * Length + t] * (sbyte)rows[at + 2 + t];
                    }

                    double term = exact * (double)BitConverter.ToHalf(rows, at) * scales[b];
                    sum += term;
                    magnitude += Math.Abs(term);
                }

                c.Add(i * n + j, sum, magnitude);
                c.Add(i * n + j, bias is null ? 0 : bias[j]);
            }
        }

        return c;
    }

    /// <summary>Each number as the nearest multiple of a 127th of the block's largest.</summary>
    public static (int[] Quants, float[] Scales) Split(ReadOnlySpan<float> row)
    {
        int blocks = (row.Length + Length - 1) / Length;
        int[] quants = new int[blocks * Length];
        float[] scales = new float[blocks];
        for (int b = 0; b < blocks; b++)
        {
            ReadOnlySpan<float> block = row[(b * Length)..Math.Min(row.Length, (b + 1) * Length)];
            float largest = 0;
            foreach (float value in block)
            {
                largest = Math.Max(largest, Math.Abs(value));
            }

            scales[b] = largest / 127;
            for (int t = 0; t < block.Length; t++)
            {
                quants[b * Length + t] = largest > 0 ? (int)MathF.Round(block[t] * (127 / largest)) : 0;
            }
        }

        return (quants, scales);
    }
}
