namespace Quatrain.Training.FineTuning.Baselines;

/// <summary>The loss of multinomial logistic regression and its gradient.</summary>
/// <remarks>
/// L(W, b) = 1/n sum_i -ln softmax(W x_i + b)[y_i] + 1/(2 C n) |W|^2: scikit-learn's objective divided by C n; the biases are not held back.
/// Weights: [F + 1, K], feature by feature and the K biases last.
/// </remarks>
internal sealed class SoftmaxRegressionLoss(SparseRows rows, int[] labels, int featureCount, int classCount)
{
    /// <summary>How many weights and biases there are.</summary>
    public int ParameterCount => (featureCount + 1) * classCount;

    /// <summary>The loss at <paramref name="weights"/>; <paramref name="gradient"/>, of the same size, is overwritten.</summary>
    public double Evaluate(ReadOnlySpan<double> weights, Span<double> gradient, double c)
    {
        double[] logits = new double[classCount];
        double scale = 1.0 / rows.RowCount;
        double loss = 0;
        gradient.Clear();
        Span<double> biasGradient = gradient[(featureCount * classCount)..];
        for (int row = 0; row < rows.RowCount; row++)
        {
            Logits(rows, row, weights, logits);
            loss -= scale * LogSoftmax(logits, labels[row]);
            // The logits' gradient: probabilities, less one for the label.
            for (int k = 0; k < classCount; k++)
            {
                logits[k] = scale * (Math.Exp(logits[k]) - (k == labels[row] ? 1 : 0));
                biasGradient[k] += logits[k];
            }

            ReadOnlySpan<int> columns = rows.Columns(row);
            ReadOnlySpan<float> values = rows.Values(row);
            for (int i = 0; i < columns.Length; i++)
            {
                Span<double> target = gradient.Slice(columns[i] * classCount, classCount);
                for (int k = 0; k < target.Length; k++)
                {
                    target[k] += values[i] * logits[k];
                }
            }
        }

        double decay = scale / c;
        double squares = 0;
        for (int j = 0; j < featureCount * classCount; j++)
        {
            squares += weights[j] * weights[j];
            gradient[j] += decay * weights[j];
        }

        return loss + 0.5 * decay * squares;
    }

    /// <summary>W x + b of one row into <paramref name="logits"/>; [K].</summary>
    public static void Logits(SparseRows rows, int row, ReadOnlySpan<double> weights, Span<double> logits)
    {
        weights[^logits.Length..].CopyTo(logits);
        ReadOnlySpan<int> columns = rows.Columns(row);
        ReadOnlySpan<float> values = rows.Values(row);
        for (int i = 0; i < columns.Length; i++)
        {
            ReadOnlySpan<double> source = weights.Slice(columns[i] * logits.Length, logits.Length);
            for (int k = 0; k < source.Length; k++)
            {
                logits[k] += values[i] * source[k];
            }
        }
    }

    /// <summary>Turns logits into logarithms of probabilities in place and returns that of <paramref name="label"/>.</summary>
    public static double LogSoftmax(Span<double> logits, int label)
    {
        double largest = double.NegativeInfinity;
        foreach (double logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        foreach (double logit in logits)
        {
            sum += Math.Exp(logit - largest);
        }

        double log = largest + Math.Log(sum);
        for (int k = 0; k < logits.Length; k++)
        {
            logits[k] -= log;
        }

        return logits[label];
    }
}
