using Quatrain.Tensors;

namespace Quatrain.Inference.Evaluation;

/// <summary>Queries that go through a model together.</summary>
/// <param name="Queries">Their numbers.</param>
/// <param name="Prefix">
/// The tokens of each context that are read first and once, for all continuations: the shortest context. What longer contexts have more is read again with
/// each continuation.
/// </param>
/// <param name="Suffix">The most tokens read after the prefix.</param>
internal sealed record ContinuationBatch(int[] Queries, int Prefix, int Suffix)
{
    // Large enough to fill the matrix products.
    private const int TokensPerBatch = 2048;

    // 64 MiB, the larger part of the memory where the vocabulary is large.
    private const int LogitsPerBatch = 1 << 24;

    // A context may be longer than the prefix by this part of it, so that batches are not too small.
    private const int SlackPart = 16;

    /// <summary>
    /// Batches over all queries. Those of like lengths go together, so that there is little padding; the batches' order is shuffled, so that some of them are
    /// a fair sample of all.
    /// </summary>
    public static List<ContinuationBatch> Plan(IReadOnlyList<ContinuationQuery> queries, int vocabularySize)
    {
        int[] order = [.. Enumerable.Range(0, queries.Count)
            .OrderBy(i => queries[i].Continuations.Count).ThenBy(i => queries[i].Context.Length).ThenBy(i => queries[i].LongestContinuation)];
        List<ContinuationBatch> batches = [];
        for (int start = 0; start < order.Length;)
        {
            ContinuationQuery first = queries[order[start]];
            int prefix = first.Context.Length, suffix = SuffixOf(first);
            int end = start + 1;
            for (; end < order.Length; end++)
            {
                ContinuationQuery next = queries[order[end]];
                int wider = Math.Max(suffix, SuffixOf(next)), size = end + 1 - start;
                if (next.Continuations.Count != first.Continuations.Count || next.Context.Length - prefix > prefix / SlackPart
                    || (long)size * prefix > TokensPerBatch || (long)size * Math.Max(1, wider) * vocabularySize > LogitsPerBatch)
                {
                    break;
                }

                suffix = wider;
            }

            batches.Add(new ContinuationBatch(order[start..end], prefix, suffix));
            start = end;

            int SuffixOf(ContinuationQuery query) => query.Context.Length - prefix + query.LongestContinuation - 1;
        }

        Shuffle(batches);
        return batches;
    }

    private static void Shuffle(List<ContinuationBatch> batches)
    {
        RandomSource random = new(0);
        for (int i = batches.Count - 1; i > 0; i--)
        {
            int other = random.NextInt32(i + 1);
            (batches[i], batches[other]) = (batches[other], batches[i]);
        }
    }
}
