namespace Quatrain.Training.FineTuning.Data;

/// <summary>How much an example of each class weighs in the loss, so that rare classes count as much as common ones.</summary>
public static class ClassWeights
{
    /// <summary>weight_c = n / (k n_c) for n examples in k classes, n_c of them in class c: over the examples the mean weight is one.</summary>
    /// <param name="counts">How many examples each class has; [k].</param>
    /// <exception cref="ArgumentException">A class has none.</exception>
    public static float[] Balanced(IReadOnlyList<int> counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        if (counts.Any(count => count <= 0))
        {
            throw new ArgumentException("A class without examples has no weight.", nameof(counts));
        }

        double total = counts.Sum(count => (long)count);
        return [.. counts.Select(count => (float)(total / ((double)counts.Count * count)))];
    }
}
