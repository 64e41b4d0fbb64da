using System.Runtime.InteropServices;

namespace Quatrain.Training.FineTuning.Baselines;

/// <summary>Texts as vectors of length one: how often each n-gram comes, by how rare it is in the training texts.</summary>
/// <remarks>
/// value_f = (1 + ln count_f) (1 + ln((1 + n) / (1 + texts with f))), then divided by the vector's norm: scikit-learn's
/// <c>TfidfVectorizer(sublinear_tf=True)</c>.
/// </remarks>
internal sealed class TfIdfFeatures
{
    private readonly int[] _features = new int[CharacterNgrams.BucketCount];
    private readonly float[] _rarities;
    private readonly List<int> _buckets = [];
    private readonly List<(int Column, float Value)> _row = [];

    /// <summary>Takes the n-grams of <paramref name="texts"/>, or the <paramref name="maxFeatures"/> that most of them have.</summary>
    public TfIdfFeatures(IReadOnlyList<string> texts, int maxFeatures)
    {
        int[] textCounts = new int[CharacterNgrams.BucketCount];
        foreach (string text in texts)
        {
            int previous = -1;
            foreach (int bucket in SortedBuckets(text))
            {
                textCounts[bucket] += bucket == previous ? 0 : 1;
                previous = bucket;
            }
        }

        int[] kept =
        [
            .. Enumerable.Range(0, textCounts.Length).Where(bucket => textCounts[bucket] > 0)
                .OrderByDescending(bucket => textCounts[bucket]).Take(maxFeatures).Order(),
        ];
        Array.Fill(_features, -1);
        _rarities = new float[kept.Length];
        for (int f = 0; f < kept.Length; f++)
        {
            _features[kept[f]] = f;
            _rarities[f] = (float)(1 + Math.Log((1.0 + texts.Count) / (1.0 + textCounts[kept[f]])));
        }
    }

    /// <summary>How many features a vector has.</summary>
    public int Count => _rarities.Length;

    /// <summary>The vectors of <paramref name="texts"/>.</summary>
    public SparseRows Rows(IEnumerable<string> texts)
    {
        SparseRows rows = new();
        foreach (string text in texts)
        {
            rows.AddRow(Row(text));
        }

        return rows;
    }

    // Good until the next call.
    private ReadOnlySpan<(int Column, float Value)> Row(string text)
    {
        _row.Clear();
        ReadOnlySpan<int> buckets = SortedBuckets(text);
        double squares = 0;
        for (int start = 0, end; start < buckets.Length; start = end)
        {
            for (end = start + 1; end < buckets.Length && buckets[end] == buckets[start]; end++)
            {
            }

            int feature = _features[buckets[start]];
            if (feature >= 0)
            {
                float value = (float)(1 + Math.Log(end - start)) * _rarities[feature];
                squares += (double)value * value;
                _row.Add((feature, value));
            }
        }

        float scale = squares > 0 ? (float)(1 / Math.Sqrt(squares)) : 0;
        Span<(int Column, float Value)> row = CollectionsMarshal.AsSpan(_row);
        for (int i = 0; i < row.Length; i++)
        {
            row[i].Value *= scale;
        }

        return row;
    }

    private Span<int> SortedBuckets(string text)
    {
        _buckets.Clear();
        CharacterNgrams.AddTo(_buckets, text.AsSpan(0, Math.Min(text.Length, NgramLogisticRegression.MaxTextCharacters)));
        _buckets.Sort();
        return CollectionsMarshal.AsSpan(_buckets);
    }
}
