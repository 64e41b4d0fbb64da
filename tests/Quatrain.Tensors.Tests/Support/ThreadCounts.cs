using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Tests.Support;

/// <summary>The promise that the number of threads doesn't change a bit.</summary>
internal static class ThreadCounts
{
    /// <summary>Fails unless 1, 2, 3 and 5 threads give the same bits.</summary>
    public static void ShouldNotMatter(string what, Func<WorkerPool, float[]> compute)
    {
        using WorkerPool one = new(1);
        float[] expected = compute(one);
        expected.ShouldNotBeEmpty();
        foreach (int threads in (ReadOnlySpan<int>)[2, 3, 5])
        {
            using WorkerPool pool = new(threads);
            Closeness.ShouldBeSameBits(compute(pool), expected, $"{what} with {threads} threads");
        }
    }
}
