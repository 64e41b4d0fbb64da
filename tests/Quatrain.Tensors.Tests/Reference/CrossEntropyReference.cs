namespace Quatrain.Tensors.Tests.Reference;

/// <summary>Softmax cross entropy of each row, as one writes it down.</summary>
internal sealed class CrossEntropyReference(float[] logits, int[] targets, int ignoreIndex, int columns)
{
    /// <summary>Each row's loss; 0 where it is ignored.</summary>
    public ReferenceResult Losses()
    {
        ReferenceResult losses = new(targets.Length);
        for (int row = 0; row < targets.Length; row++)
        {
            if (targets[row] != ignoreIndex)
            {
                double logSum = LogSum(row), logit = logits[row * columns + targets[row]];
                losses.Add(row, logSum - logit, 1 + Math.Abs(logSum) + Math.Abs(logit));
            }
        }

        return losses;
    }

    /// <summary>The gradient of <paramref name="scale"/> times the sum of the losses.</summary>
    public ReferenceResult Gradient(double scale)
    {
        ReferenceResult grad = new(logits.Length);
        for (int i = 0; i < logits.Length; i++)
        {
            int row = i / columns;
            if (targets[row] != ignoreIndex)
            {
                double logSum = LogSum(row), term = Math.Exp(logits[i] - logSum) * scale;
                grad.Add(i, term, term * (1 + Math.Abs(logSum) + Math.Abs(logits[i])));
                grad.Add(i, i % columns == targets[row] ? -scale : 0);
            }
        }

        return grad;
    }

    private double LogSum(int row)
    {
        ReadOnlySpan<float> values = logits.AsSpan(row * columns, columns);
        double max = double.NegativeInfinity, sum = 0;
        foreach (float value in values)
        {
            max = Math.Max(max, value);
        }

        foreach (float value in values)
        {
            sum += Math.Exp(value - max);
        }

        return max + Math.Log(sum);
    }
}
