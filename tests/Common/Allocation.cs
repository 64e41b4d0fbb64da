namespace Quatrain.Tests;

/// <summary>Measures what code allocates on the managed heap.</summary>
internal static class Allocation
{
    private const int Rounds = 12;

    /// <summary>
    /// The fewest bytes that one of several runs of <paramref name="action"/> allocates on this thread. What a run allocates each time is in every one of them;
    /// what the runtime allocates once, as when it compiles a method again in the middle of a run, is not.
    /// </summary>
    public static long Least(Action action)
    {
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            action();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
