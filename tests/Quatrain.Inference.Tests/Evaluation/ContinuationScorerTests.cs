using System.Text.Json;
using Quatrain.Inference.Evaluation;
using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;

namespace Quatrain.Inference.Tests.Evaluation;

public sealed class ContinuationScorerTests : IDisposable
{
    private const int ContextLength = 48;
    private const int VocabularySize = 23;

    private readonly Gpt2Model _model = RandomModel.Create(ContextLength, VocabularySize);
    private readonly WorkerPool _pool = new(2);

    public void Dispose()
    {
        _model.Dispose();
        _pool.Dispose();
    }

    [Fact]
    public void Scores_are_those_of_one_forward_pass_a_continuation_in_double_precision()
    {
        List<ContinuationQuery> queries = Queries();
        ContinuationScore[][] scores = Score(queries);

        for (int i = 0; i < queries.Count; i++)
        {
            scores[i].Length.ShouldBe(queries[i].Continuations.Count);
            for (int k = 0; k < scores[i].Length; k++)
            {
                (double loss, bool greedy) = Slow(queries[i].Context, queries[i].Continuations[k]);
                Math.Abs(scores[i][k].Loss - loss).ShouldBeLessThan(1e-4);
                scores[i][k].IsGreedy.ShouldBe(greedy);
                scores[i][k].Tokens.ShouldBe(queries[i].Continuations[k].Length);
            }
        }

        scores.SelectMany(score => score).Count(score => score.IsGreedy).ShouldBeInRange(1, 200);
    }

    [Fact]
    public void A_score_has_the_same_bits_alone_and_beside_others_and_for_any_number_of_threads()
    {
        List<ContinuationQuery> queries = Queries();
        ContinuationScore[][] together = Score(queries);
        foreach (int threads in new[] { 1, 3 })
        {
            using WorkerPool pool = new(threads);
            Score(queries, pool).ShouldBe(together);
        }

        for (int i = 0; i < queries.Count; i += 7)
        {
            Score([queries[i]]).ShouldBe([together[i]]);
            ContinuationQuery single = new(queries[i].Context, [queries[i].Continuations[^1]]);
            Score([single])[0][0].ShouldBe(together[i][^1]);
        }
    }

    [Fact]
    public void Each_context_is_read_once()
    {
        ContinuationQuery[] queries = [new([1, 2, 3, 4, 5], [[1, 2], [3], [4, 5, 6]]), new([5, 4, 3, 2, 1], [[1], [1], [1]])];
        using ContinuationScorer scorer = new(_model, _pool);
        scorer.Score(queries, (_, _) => { });

        scorer.TokensRead.ShouldBe(5 + 1 + 0 + 2 + 5);
    }

    [Fact]
    public void Batches_hold_every_query_once_within_their_limits()
    {
        List<ContinuationQuery> queries = Queries();
        List<ContinuationBatch> batches = ContinuationBatch.Plan(queries, vocabularySize: 1 << 18);

        batches.SelectMany(batch => batch.Queries).Order().ShouldBe(Enumerable.Range(0, queries.Count));
        batches.ShouldContain(batch => batch.Queries.Length > 1);
        foreach (ContinuationBatch batch in batches)
        {
            batch.Prefix.ShouldBe(batch.Queries.Min(i => queries[i].Context.Length));
            batch.Suffix.ShouldBe(batch.Queries.Max(i => queries[i].Context.Length - batch.Prefix + queries[i].Continuations.Max(c => c.Length) - 1));
            batch.Queries.Select(i => queries[i].Continuations.Count).Distinct().ShouldHaveSingleItem();
            (batch.Queries.Length == 1 || (long)batch.Queries.Length * batch.Suffix << 18 <= 1 << 24).ShouldBeTrue();
        }
    }

    [Fact]
    public void A_model_that_knows_the_answer_is_found_to_know_it()
    {
        using Gpt2Model model = SuccessorModel.Create(16, 10);
        ContinuationScore[] scores = Score([new([2, 3, 4], [[5, 6, 7], [5, 6, 8], [6], [5]])], model: model)[0];

        scores.Select(score => score.IsGreedy).ShouldBe([true, false, false, true]);
        // A normalized one-hot vector of ten is 3 at its place and -1/3 elsewhere, so one logit is 12 and the others -4/3.
        double right = Math.Log(1 + 9 * Math.Exp(-40 / 3.0)), wrong = right + 40 / 3.0;
        Math.Abs(scores[0].Loss - 3 * right).ShouldBeLessThan(1e-3);
        Math.Abs(scores[1].Loss - (2 * right + wrong)).ShouldBeLessThan(1e-3);
        Math.Abs(scores[1].MeanLoss - (2 * right + wrong) / 3).ShouldBeLessThan(1e-3);
    }

    [Fact]
    public void Of_equal_logits_the_first_counts_as_the_largest()
    {
        using Gpt2Model flat = SuccessorModel.Create(16, 10, certainty: 0);

        Score([new([2, 3], [[0], [1]])], model: flat)[0].Select(score => score.IsGreedy).ShouldBe([true, false]);
    }

    [Fact]
    public void Losses_follow_PyTorch()
    {
        FixtureFile weights = FixtureFile.Open("tiny-gpt2-bias-tanh");
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "continuations.json")));
        JsonElement config = weights.Description.GetProperty("config");
        using Gpt2Model model = new(new Gpt2Config
        {
            LayerCount = config.GetProperty("n_layer").GetInt32(),
            HeadCount = config.GetProperty("n_head").GetInt32(),
            EmbeddingSize = config.GetProperty("n_embd").GetInt32(),
            ContextLength = config.GetProperty("n_positions").GetInt32(),
            VocabularySize = config.GetProperty("vocab_size").GetInt32(),
        });
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            weights.Floats($"weights/{parameter.Name}").CopyTo(parameter.Tensor.Values);
        }

        JsonElement[] queries = [.. document.RootElement.GetProperty("queries").EnumerateArray()];
        ContinuationScore[][] scores = Score(
            [.. queries.Select(query => new ContinuationQuery(Ids(query.GetProperty("context")), [.. query.GetProperty("continuations").EnumerateArray().Select(Ids)]))],
            model: model);

        scores.Length.ShouldBe(12);
        for (int i = 0; i < queries.Length; i++)
        {
            JsonElement[] losses = [.. queries[i].GetProperty("losses").EnumerateArray()], greedy = [.. queries[i].GetProperty("greedy").EnumerateArray()];
            scores[i].Select(score => score.IsGreedy).ShouldBe(greedy.Select(flag => flag.GetBoolean()));
            for (int k = 0; k < losses.Length; k++)
            {
                Math.Abs(scores[i][k].Loss - losses[k].GetDouble()).ShouldBeLessThan(2e-5);
            }
        }

        scores.SelectMany(score => score).ShouldContain(score => score.IsGreedy);

        static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(id => id.GetInt32())];
    }

    [Fact]
    public void Queries_that_can_not_be_scored_are_refused()
    {
        Should.Throw<ArgumentException>(() => Score([new([], [[1]])]));
        Should.Throw<ArgumentException>(() => Score([new([1], [[]])]));
        Should.Throw<ArgumentException>(() => Score([new(new int[ContextLength], [[1, 2]])])).Message.ShouldContain("48 tokens and 2 to score");
        Score([new(new int[ContextLength], [[1]])])[0][0].Tokens.ShouldBe(1);
        Should.Throw<InvalidDataException>(() => Score([new([VocabularySize], [[1]])])).Message.ShouldContain("token id 23");
        Should.Throw<InvalidDataException>(() => Score([new([1], [[-1]])])).Message.ShouldContain("token id -1");
        _model.Parameters["ln_f.bias"].Tensor.Values[0] = float.NaN;
        Should.Throw<InvalidDataException>(() => Score([new([1], [[1]])])).Message.ShouldContain("no numbers");
    }

    [Fact]
    public void Cancelling_ends_it_after_what_is_done()
    {
        using CancellationTokenSource source = new();
        using ContinuationScorer scorer = new(_model, _pool);
        List<ContinuationQuery> queries = Queries();
        int accepted = 0;

        Should.Throw<OperationCanceledException>(() => scorer.Score(
            queries,
            (_, _) =>
            {
                accepted++;
                source.Cancel();
            },
            source.Token));
        accepted.ShouldBeInRange(1, queries.Count - 1);
    }

    /// <summary>Contexts of many lengths, up to all the model can read; continuations of one to six tokens, one, two or four of them.</summary>
    private static List<ContinuationQuery> Queries()
    {
        RandomSource random = new(5);
        List<ContinuationQuery> queries = [];
        for (int i = 0; i < 90; i++)
        {
            int[] context = Ids(1 + random.NextInt32(ContextLength - 6));
            queries.Add(new ContinuationQuery(context, [.. Enumerable.Range(0, 1 << (i % 3)).Select(_ => Ids(1 + random.NextInt32(6)))]));
        }

        return queries;

        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextInt32(VocabularySize))];
    }

    private ContinuationScore[][] Score(List<ContinuationQuery> queries, WorkerPool? pool = null, ILanguageModel? model = null)
    {
        using ContinuationScorer scorer = new(model ?? _model, pool ?? _pool);
        ContinuationScore[]?[] scores = new ContinuationScore[]?[queries.Count];
        scorer.Score(queries, (query, found) =>
        {
            scores[query].ShouldBeNull();
            scores[query] = found;
        });
        return [.. scores.Select(score => score.ShouldNotBeNull())];
    }

    private (double Loss, bool Greedy) Slow(int[] context, int[] continuation)
    {
        using Tape tape = new(_pool, recording: false);
        tape.Begin();
        int[] ids = [.. context, .. continuation];
        float[] logits = _model.Forward(tape, ids, 1).Values.ToArray();
        double loss = 0;
        bool greedy = true;
        for (int i = context.Length; i < ids.Length; i++)
        {
            float[] row = logits[((i - 1) * VocabularySize)..(i * VocabularySize)];
            loss += Math.Log(row.Sum(logit => Math.Exp(logit))) - row[ids[i]];
            greedy &= Array.IndexOf(row, row.Max()) == ids[i];
        }

        return (loss, greedy);
    }
}
