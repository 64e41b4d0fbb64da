namespace Quatrain.Tensors.Tests.Reference;

/// <summary>
/// Causal attention as one writes it down, for q [B, Tq, H, D] and k, v [B, Tk, H, D] whose last Tq positions are the queries', with a dropout
/// mask [B, H, Tq, Tk] of factors.
/// </summary>
internal sealed class CausalAttentionReference
{
    private readonly float[] _q, _k, _v, _mask;
    private readonly int _batchSize, _heads, _headSize, _queries, _keys;
    private readonly double[] _probabilities;

    public CausalAttentionReference(float[] q, float[] k, float[] v, float[] mask, int batchSize, int heads, int headSize, int queries, int keys)
    {
        (_q, _k, _v, _mask) = (q, k, v, mask);
        (_batchSize, _heads, _headSize, _queries, _keys) = (batchSize, heads, headSize, queries, keys);
        _probabilities = new double[batchSize * heads * queries * keys];
        Y = new ReferenceResult(q.Length);
        LogSums = new double[batchSize * heads * queries];
        Forward();
    }

    /// <summary>The result [B, Tq, H, D].</summary>
    public ReferenceResult Y { get; }

    /// <summary>The log of each softmax's sum [B, H, Tq].</summary>
    public double[] LogSums { get; }

    /// <summary>The largest sum of |q k| / sqrt(D): what the absolute errors of the scores, so the relative ones of the probabilities, go with.</summary>
    public double LargestScore { get; private set; }

    /// <summary>The gradients of q, k and v for that of y.</summary>
    public (ReferenceResult Q, ReferenceResult K, ReferenceResult V) Backward(float[] yGrad)
    {
        ReferenceResult qGrad = new(_q.Length), kGrad = new(_k.Length), vGrad = new(_v.Length);
        double scale = 1 / Math.Sqrt(_headSize);
        ForEachPair((pair, row, i, t) =>
        {
            (double probability, double mask) = (_probabilities[pair], _mask[pair]);
            double product = 0, productMagnitude = 0, grad = 0, gradMagnitude = 0;
            for (int d = 0; d < _headSize; d++)
            {
                double dy = yGrad[i + d];
                product += dy * Y.Values[i + d];
                productMagnitude += Math.Abs(dy) * Y.Magnitudes[i + d];
                grad += dy * _v[t + d] * mask;
                gradMagnitude += Math.Abs(dy * _v[t + d] * mask);
                vGrad.Add(t + d, probability * mask * dy);
            }

            double score = probability * (grad - product) * scale, magnitude = probability * (gradMagnitude + productMagnitude) * scale;
            for (int d = 0; d < _headSize; d++)
            {
                qGrad.Add(i + d, score * _k[t + d], magnitude * Math.Abs(_k[t + d]));
                kGrad.Add(t + d, score * _q[i + d], magnitude * Math.Abs(_q[i + d]));
            }
        });
        return (qGrad, kGrad, vGrad);
    }

    private void Forward()
    {
        double[] scores = new double[_probabilities.Length], largest = new double[LogSums.Length];
        Array.Fill(largest, double.NegativeInfinity);
        ForEachPair((pair, row, i, t) =>
        {
            double magnitude = 0;
            for (int d = 0; d < _headSize; d++)
            {
                double term = (double)_q[i + d] * _k[t + d] / Math.Sqrt(_headSize);
                scores[pair] += term;
                magnitude += Math.Abs(term);
            }

            LargestScore = Math.Max(LargestScore, magnitude);
            largest[row] = Math.Max(largest[row], scores[pair]);
        });
        ForEachPair((pair, row, i, t) => LogSums[row] += Math.Exp(scores[pair] - largest[row]));
        for (int row = 0; row < LogSums.Length; row++)
        {
            LogSums[row] = largest[row] + Math.Log(LogSums[row]);
        }

        ForEachPair((pair, row, i, t) =>
        {
            _probabilities[pair] = Math.Exp(scores[pair] - LogSums[row]);
            for (int d = 0; d < _headSize; d++)
            {
                Y.Add(i + d, _probabilities[pair] * _mask[pair] * _v[t + d]);
            }
        });
    }

    /// <summary>
    /// Calls <paramref name="visit"/> for each query and each key it sees with the place of the pair, of the softmax, of the query's and of the key's
    /// first element.
    /// </summary>
    private void ForEachPair(Action<int, int, int, int> visit)
    {
        int width = _heads * _headSize;
        for (int b = 0; b < _batchSize; b++)
        {
            for (int h = 0; h < _heads; h++)
            {
                for (int i = 0; i < _queries; i++)
                {
                    int row = (b * _heads + h) * _queries + i;
                    for (int t = 0; t <= _keys - _queries + i; t++)
                    {
                        visit(row * _keys + t, row, (b * _queries + i) * width + h * _headSize, (b * _keys + t) * width + h * _headSize);
                    }
                }
            }
        }
    }
}
