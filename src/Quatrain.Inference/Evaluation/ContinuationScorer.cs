using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Inference.Evaluation;

/// <summary>Asks a model how likely it thinks given continuations of given contexts.</summary>
/// <remarks>
/// Queries of like lengths go through the model together. A context is read once for all its continuations, and the head is applied only where a token is
/// scored. A score is the same to the last bit whatever else is asked beside it.
/// Not safe for use by several threads at a time.
/// </remarks>
public sealed class ContinuationScorer : IDisposable
{
    private readonly ILanguageModel _model;
    private readonly Tape _tape;

    /// <summary>A scorer over <paramref name="model"/>, which it does not own.</summary>
    public ContinuationScorer(ILanguageModel model, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        _tape = new Tape(pool, recording: false);
    }

    /// <summary>The tokens that went through the model so far, padding not counted.</summary>
    public long TokensRead { get; private set; }

    /// <summary>Scores all continuations of all queries.</summary>
    /// <param name="queries">The queries; a context and a continuation but its last token must fit the model's context length together.</param>
    /// <param name="accept">
    /// Gets each query's number and its scores, one a continuation. The order is not that of the queries: it is one that makes any part of it a fair sample.
    /// </param>
    /// <param name="cancellation">Ends the work between two batches.</param>
    /// <exception cref="ArgumentException">A query has no context, no continuation, an empty continuation, or is too long.</exception>
    /// <exception cref="InvalidDataException">An id lies outside the vocabulary, or the model gives something that is no number.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public void Score(IReadOnlyList<ContinuationQuery> queries, Action<int, ContinuationScore[]> accept, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(accept);
        foreach (ContinuationQuery query in queries)
        {
            CheckQuery(query);
        }

        foreach (ContinuationBatch batch in ContinuationBatch.Plan(queries, _model.VocabularySize))
        {
            cancellation.ThrowIfCancellationRequested();
            ContinuationScore[][] scores = Score(queries, batch);
            for (int i = 0; i < scores.Length; i++)
            {
                accept(batch.Queries[i], scores[i]);
            }
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _tape.Dispose();

    private ContinuationScore[][] Score(IReadOnlyList<ContinuationQuery> all, ContinuationBatch batch)
    {
        ContinuationQuery[] queries = [.. batch.Queries.Select(i => all[i])];
        int count = queries[0].Continuations.Count;
        RunningScore[,] sums = new RunningScore[queries.Length, count];
        using KvCache cache = _model.NewCache(queries.Length, batch.Prefix + batch.Suffix);

        int[] prefixes = [.. queries.SelectMany(query => query.Context.Take(batch.Prefix))];
        _tape.Begin();
        Tensor logits = _model.ForwardLast(_tape, prefixes, queries.Length, cache);
        TokensRead += prefixes.Length;
        for (int k = 0; k < count; k++)
        {
            // A context longer than the prefix has its first scored token later.
            int[] targets = [.. queries.Select(query => query.Context.Length == batch.Prefix ? query.Continuations[k][0] : CrossEntropyOp.IgnoreIndex)];
            Add(logits, targets, 1, k, sums);
        }

        for (int k = 0; k < count && batch.Suffix > 0; k++)
        {
            ScoreSuffixes(queries, k, batch.Prefix, cache, sums);
        }

        return [.. queries.Select((query, i) => query.Continuations.Select((continuation, k) => sums[i, k].Of(continuation)).ToArray())];
    }

    /// <summary>Scores what comes after the prefix of each query's continuation <paramref name="k"/>, padded on the right.</summary>
    private void ScoreSuffixes(ContinuationQuery[] queries, int k, int prefix, KvCache cache, RunningScore[,] sums)
    {
        int length = queries.Max(query => query.Context.Length - prefix + query.Continuations[k].Length - 1);
        if (length == 0)
        {
            return;
        }

        int[] inputs = new int[queries.Length * length], targets = new int[inputs.Length];
        targets.AsSpan().Fill(CrossEntropyOp.IgnoreIndex);
        for (int i = 0; i < queries.Length; i++)
        {
            int[] context = queries[i].Context, continuation = queries[i].Continuations[k];
            int slack = context.Length - prefix;
            Span<int> row = inputs.AsSpan(i * length, length);
            context.AsSpan(prefix).CopyTo(row);
            continuation.AsSpan(0, continuation.Length - 1).CopyTo(row[slack..]);
            // Position slack - 1, the context's last token, foretells the continuation's first one; where there is no slack, the prefix's end has done it.
            int known = slack > 0 ? 0 : 1;
            continuation.AsSpan(known).CopyTo(targets.AsSpan(i * length + slack - 1 + known));
            TokensRead += slack + continuation.Length - 1;
        }

        cache.Truncate(prefix);
        _tape.Begin();
        Add(_model.Forward(_tape, inputs, queries.Length, cache), targets, length, k, sums);
    }

    /// <summary>Adds the rows of the logits to the scores of continuation <paramref name="k"/>; each query has <paramref name="length"/> of them.</summary>
    private void Add(Tensor logits, int[] targets, int length, int k, RunningScore[,] sums)
    {
        float[] losses = new float[targets.Length];
        CrossEntropyOp.RowLosses(_tape, logits, targets, losses);
        for (int row = 0; row < targets.Length; row++)
        {
            if (targets[row] != CrossEntropyOp.IgnoreIndex)
            {
                ReadOnlySpan<float> scores = logits.Values.Slice(row * _model.VocabularySize, _model.VocabularySize);
                sums[row / length, k].Add(losses[row], isLargest: IsLargest(scores, targets[row]));
            }
        }
    }

    // Of equal logits the first counts as the largest, as in greedy decoding.
    private static bool IsLargest(ReadOnlySpan<float> logits, int id)
    {
        float own = logits[id];
        for (int i = 0; i < logits.Length; i++)
        {
            if (logits[i] > own || (logits[i] == own && i < id))
            {
                return false;
            }
        }

        return true;
    }

    private void CheckQuery(ContinuationQuery query)
    {
        if (query.Context.Length == 0 || query.Continuations.Count == 0 || query.Continuations.Any(continuation => continuation.Length == 0))
        {
            throw new ArgumentException("A query needs a context and continuations of at least one token each.", nameof(query));
        }

        if (query.Context.Length + query.LongestContinuation - 1 > _model.ContextLength)
        {
            throw new ArgumentException(
                $"A query has {query.Context.Length} tokens and {query.LongestContinuation} to score; the model looks at {_model.ContextLength} at most.", nameof(query));
        }

        foreach (int id in query.Context.Concat(query.Continuations.SelectMany(continuation => continuation)))
        {
            if ((uint)id >= (uint)_model.VocabularySize)
            {
                throw new InvalidDataException($"There is token id {id} to score, but this model's ids go from 0 to {_model.VocabularySize - 1}; use the model's own tokenizer.");
            }
        }
    }

    private struct RunningScore
    {
        private double _loss;
        private bool _missed;

        public void Add(float loss, bool isLargest)
        {
            if (!float.IsFinite(loss))
            {
                throw new InvalidDataException("The model gives scores that are no numbers, so its weights are damaged or its training diverged; use another checkpoint.");
            }

            _loss += loss;
            _missed |= !isLargest;
        }

        public readonly ContinuationScore Of(int[] continuation) => new(_loss, continuation.Length, !_missed);
    }
}
