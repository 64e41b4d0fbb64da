namespace Quatrain.Training;

/// <summary>
/// How a batch is cut into slices of whole sequences, which go through the model one after the other while their gradients add up. Activations exist
/// for one slice at a time: they take less memory and stay nearer to the caches.
/// </summary>
/// <remarks>A function of the sizes alone, never of the machine or its threads, so that results are the same everywhere.</remarks>
public readonly record struct BatchSlices
{
    // Measured; see docs/performance.md.
    private const int TokensPerSlice = 2048;

    private readonly int _batchSize;

    /// <summary>The slices of a batch of <paramref name="batchSize"/> sequences of <paramref name="contextLength"/> tokens.</summary>
    public BatchSlices(int batchSize, int contextLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 1);
        long tokens = (long)batchSize * contextLength;
        _batchSize = batchSize;
        Count = (int)Math.Min(batchSize, (tokens + TokensPerSlice - 1) / TokensPerSlice);
    }

    /// <summary>The number of slices.</summary>
    public int Count { get; }

    /// <summary>The most sequences of a slice; no slice has fewer by more than one.</summary>
    public int LargestSize => (_batchSize + Count - 1) / Count;

    /// <summary>The first sequence of a slice; that of slice <see cref="Count"/> is the batch's size.</summary>
    public int Start(int slice) => (int)((long)slice * _batchSize / Count);
}
