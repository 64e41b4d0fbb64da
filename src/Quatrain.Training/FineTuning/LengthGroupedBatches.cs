using Quatrain.Tensors;

namespace Quatrain.Training.FineTuning;

/// <summary>The batches of an epoch: each example once, in random order, beside others of like length so that little of a batch is padding.</summary>
/// <remarks>
/// The examples are shuffled, each stretch of some batches of them is sorted by length and cut into batches, and the batches are shuffled. A function of seed and epoch
/// alone, so that a resumed run goes on as it would have.
/// </remarks>
public static class LengthGroupedBatches
{
    private const int BatchesPerStretch = 16;

    // Keeps the order apart from everything else a seed decides; "ordr" in ASCII.
    private const ulong OrderLabel = 0x6F726472;

    /// <summary>The number of batches of an epoch; the last may be smaller.</summary>
    public static int Count(int examples, int batchSize) => (examples + batchSize - 1) / batchSize;

    /// <summary>The examples of each batch of <paramref name="epoch"/>, by their index in <paramref name="lengths"/>.</summary>
    public static int[][] Make(IReadOnlyList<int> lengths, int batchSize, ulong seed, long epoch)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        RandomSource random = new(seed, OrderLabel, (ulong)epoch);
        int[] order = [.. Enumerable.Range(0, lengths.Count)];
        Shuffle(order, random);
        int[][] batches =
        [
            .. order.Chunk(batchSize * BatchesPerStretch).SelectMany(stretch => stretch.OrderBy(example => lengths[example]).Chunk(batchSize)),
        ];
        Shuffle(batches, random);
        return batches;
    }

    /// <summary>The examples of <paramref name="range"/> by length, for work in which the order is of no consequence.</summary>
    public static IEnumerable<int[]> Sorted(IReadOnlyList<int> lengths, Range range, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        (int start, int count) = range.GetOffsetAndLength(lengths.Count);
        return Enumerable.Range(start, count).OrderBy(example => lengths[example]).Chunk(batchSize);
    }

    private static void Shuffle<T>(T[] items, RandomSource random)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = random.NextInt32(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
