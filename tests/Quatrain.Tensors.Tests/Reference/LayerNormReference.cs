namespace Quatrain.Tensors.Tests.Reference;

/// <summary>Layer norm over rows of <paramref name="columns"/>, as one writes it down.</summary>
internal sealed class LayerNormReference(float[] x, float[] weight, float[]? bias, double epsilon, int columns)
{
    /// <summary>The normalized, scaled and shifted rows.</summary>
    public ReferenceResult Forward()
    {
        ReferenceResult y = new(x.Length);
        for (int row = 0; row < x.Length / columns; row++)
        {
            (double[] n, double[] magnitudes, _) = Normalize(row);
            for (int i = 0; i < columns; i++)
            {
                y.Add(row * columns + i, n[i] * weight[i], magnitudes[i] * Math.Abs(weight[i]));
                y.Add(row * columns + i, bias is null ? 0 : bias[i]);
            }
        }

        return y;
    }

    /// <summary>The gradients of x, weight and bias for that of y.</summary>
    public (ReferenceResult X, ReferenceResult Weight, ReferenceResult Bias) Backward(float[] yGrad)
    {
        ReferenceResult xGrad = new(x.Length), weightGrad = new(columns), biasGrad = new(columns);
        for (int row = 0; row < x.Length / columns; row++)
        {
            (double[] n, double[] magnitudes, double inverse) = Normalize(row);
            double mean = 0, meanMagnitude = 0, product = 0, productMagnitude = 0;
            for (int i = 0; i < columns; i++)
            {
                double dy = yGrad[row * columns + i], g = dy * weight[i];
                mean += g / columns;
                meanMagnitude += Math.Abs(g) / columns;
                product += g * n[i] / columns;
                productMagnitude += Math.Abs(g) * magnitudes[i] / columns;
                weightGrad.Add(i, dy * n[i], Math.Abs(dy) * magnitudes[i]);
                biasGrad.Add(i, dy);
            }

            for (int i = 0; i < columns; i++)
            {
                double g = (double)yGrad[row * columns + i] * weight[i];
                xGrad.Add(
                    row * columns + i, (g - mean - n[i] * product) * inverse, (Math.Abs(g) + meanMagnitude + magnitudes[i] * productMagnitude) * inverse);
            }
        }

        return (xGrad, weightGrad, biasGrad);
    }

    /// <summary>A row's (x - mean) / deviation, what the errors of these go with, and 1 / deviation.</summary>
    private (double[] Normal, double[] Magnitudes, double Inverse) Normalize(int row)
    {
        ReadOnlySpan<float> values = x.AsSpan(row * columns, columns);
        double mean = 0, meanMagnitude = 0, variance = 0;
        foreach (float value in values)
        {
            mean += (double)value / columns;
            meanMagnitude += Math.Abs((double)value) / columns;
        }

        foreach (float value in values)
        {
            variance += (value - mean) * (value - mean) / columns;
        }

        double inverse = 1 / Math.Sqrt(variance + epsilon);
        double[] normal = new double[columns], magnitudes = new double[columns];
        for (int i = 0; i < columns; i++)
        {
            normal[i] = (values[i] - mean) * inverse;
            magnitudes[i] = (Math.Abs(values[i]) + meanMagnitude) * inverse;
        }

        return (normal, magnitudes, inverse);
    }
}
