using Quatrain.Models;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference.Evaluation;

/// <summary>A benchmark's items made ready for a model: encoded, cut to its context, and scored when asked.</summary>
public sealed class BenchmarkRun
{
    private readonly IReadOnlyList<BenchmarkItem> _items;
    private readonly ILanguageModel _model;
    private readonly List<ContinuationQuery> _queries = [];

    // Of each query: its item, and the choice that its first continuation is.
    private readonly List<(int Item, int Choice)> _asked = [];
    private readonly bool[] _truncated;

    /// <summary>Encodes <paramref name="items"/>.</summary>
    /// <param name="kind">The benchmark.</param>
    /// <param name="items">Its items.</param>
    /// <param name="path">The file they came from, for messages.</param>
    /// <param name="model">The model to ask, which is not owned.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <exception cref="InvalidDataException">An item can't be encoded, or a choice is longer than the model's context; the message names the line.</exception>
    public BenchmarkRun(BenchmarkKind kind, IReadOnlyList<BenchmarkItem> items, string path, ILanguageModel model, ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        (Kind, _items, _model) = (kind, items, model);
        _truncated = new bool[items.Count];
        for (int i = 0; i < items.Count; i++)
        {
            (int[] Context, int[] Choice)[] encoded;
            try
            {
                encoded = Encode(items[i], kind, tokenizer);
            }
            catch (InvalidDataException e)
            {
                throw new InvalidDataException($"The item on line {items[i].Line} of '{path}' can't be encoded: {e.Message}", e);
            }

            Add(i, encoded, path);
        }

        TokenCount = _queries.Sum(query => (long)query.Context.Length + query.Continuations.Sum(continuation => continuation.Length - 1L));
    }

    /// <summary>The benchmark.</summary>
    public BenchmarkKind Kind { get; }

    /// <summary>The tokens to read for all items, about: contexts are counted once.</summary>
    public long TokenCount { get; }

    /// <summary>Scores the items.</summary>
    /// <param name="pool">The workers.</param>
    /// <param name="accept">
    /// Gets each outcome, and the tokens read so far. The order is not that of the items: it is one that makes any part of it a fair sample.
    /// </param>
    /// <param name="cancellation">Ends the work between two batches.</param>
    /// <exception cref="InvalidDataException">The model gives something that is no number.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public void Score(WorkerPool pool, Action<BenchmarkOutcome, long> accept, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(accept);
        ContinuationScore[][] scores = [.. _items.Select(item => new ContinuationScore[item.Choices.Count])];
        int[] missing = [.. _items.Select(item => item.Choices.Count)];
        using ContinuationScorer scorer = new(_model, pool);
        scorer.Score(
            _queries,
            (query, found) =>
            {
                (int item, int choice) = _asked[query];
                found.CopyTo(scores[item], choice);
                missing[item] -= found.Length;
                if (missing[item] == 0)
                {
                    accept(new BenchmarkOutcome(_items[item], scores[item], _truncated[item]), scorer.TokensRead);
                }
            },
            cancellation);
    }

    /// <summary>The tokens of the context and of each choice.</summary>
    private static (int[] Context, int[] Choice)[] Encode(BenchmarkItem item, BenchmarkKind kind, ITokenizer tokenizer)
    {
        if (kind == BenchmarkKind.HellaSwag)
        {
            int[] context = tokenizer.Encode(item.Context);
            return [.. item.Choices.Select(choice => (context, tokenizer.Encode(choice)))];
        }

        // As the harness does: spaces at the context's end belong to the choice, both are encoded as one text, and the choice has what the context alone has not.
        string trimmed = item.Context.TrimEnd();
        string spaces = item.Context[trimmed.Length..];
        int[] known = tokenizer.Encode(trimmed);
        return [.. item.Choices.Select(choice =>
        {
            int[] whole = tokenizer.Encode(trimmed + spaces + choice);
            int split = Math.Min(known.Length, whole.Length);
            return (whole[..split], whole[split..]);
        })];
    }

    private void Add(int item, (int[] Context, int[] Choice)[] encoded, string path)
    {
        int limit = _model.ContextLength;
        foreach ((int[] context, int[] choice) in encoded)
        {
            string? problem = context.Length == 0 ? "the context has no tokens"
                : choice.Length == 0 ? "a choice has no tokens"
                : choice.Length > limit ? $"a choice has {choice.Length} tokens, but the model looks at {limit} at most"
                : null;
            if (problem is not null)
            {
                throw BenchmarkFile.Invalid(path, _items[item].Line, problem);
            }
        }

        int[] shared = encoded[0].Context;
        bool fits = encoded.All(pair => shared.Length + pair.Choice.Length - 1 <= limit && pair.Context.AsSpan().SequenceEqual(shared));
        if (fits)
        {
            _queries.Add(new ContinuationQuery(shared, [.. encoded.Select(pair => pair.Choice)]));
            _asked.Add((item, 0));
            return;
        }

        // Each choice keeps as much of the context as fits before it.
        for (int choice = 0; choice < encoded.Length; choice++)
        {
            (int[] context, int[] tokens) = encoded[choice];
            int kept = Math.Min(context.Length, limit - tokens.Length + 1);
            _truncated[item] |= kept < context.Length;
            _queries.Add(new ContinuationQuery(context[^kept..], [tokens]));
            _asked.Add((item, choice));
        }
    }
}
