namespace Quatrain.Training.FineTuning.Metrics;

/// <summary>How often each class was taken for each.</summary>
/// <param name="classCount">The number of classes.</param>
public sealed class ConfusionMatrix(int classCount)
{
    private readonly int[] _counts = new int[classCount * classCount];

    /// <summary>The number of classes.</summary>
    public int ClassCount => classCount;

    /// <summary>The texts counted.</summary>
    public int Total => _counts.Sum();

    /// <summary>The texts whose predicted class is the true one.</summary>
    public int Correct => Enumerable.Range(0, classCount).Sum(i => this[i, i]);

    /// <summary>The texts of class <paramref name="label"/> that were taken for <paramref name="predicted"/>.</summary>
    public int this[int label, int predicted] => _counts[label * classCount + predicted];

    /// <summary>Counts one text.</summary>
    public void Add(int label, int predicted)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)label, (uint)classCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)predicted, (uint)classCount);
        _counts[label * classCount + predicted]++;
    }

    /// <summary>The texts of class <paramref name="label"/>.</summary>
    public int CountOf(int label) => Enumerable.Range(0, classCount).Sum(predicted => this[label, predicted]);

    /// <summary>The texts taken for class <paramref name="predicted"/>.</summary>
    public int CountPredicted(int predicted) => Enumerable.Range(0, classCount).Sum(label => this[label, predicted]);
}
