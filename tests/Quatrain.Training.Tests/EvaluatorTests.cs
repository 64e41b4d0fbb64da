using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;
using Quatrain.Training.Data;
using Quatrain.Training.Options;

namespace Quatrain.Training.Tests;

public sealed class EvaluatorTests : IDisposable
{
    private const int VocabularySize = 11;
    private const int ContextLength = 8;

    private static readonly TrainingOptions Options = SmallRun.Options with { EmbeddingSize = 8, ContextLength = ContextLength };

    private readonly WorkerPool _pool = new(1);
    private readonly Gpt2Model _model = SmallRun.RandomModel(Options, VocabularySize);

    public void Dispose()
    {
        _model.Dispose();
        _pool.Dispose();
    }

    // 2,600 tokens need more windows than one batch holds; 41 end within a window.
    [Theory]
    [InlineData(41, 0)]
    [InlineData(41, 3)]
    [InlineData(41, 1)]
    [InlineData(8, 0)]
    [InlineData(2, 0)]
    [InlineData(2600, 0)]
    [InlineData(2600, 5)]
    public void Plain_windows_score_each_token_as_its_own_forward_pass_does(int length, int stride)
    {
        EvaluationWindows windows = EvaluationWindows.Plain(Ids(length), ContextLength, stride);
        using Evaluator evaluator = new(_model, _pool);

        EvaluationResult result = evaluator.Evaluate(windows);

        result.Tokens.ShouldBe(length - 1);
        result.Loss.ShouldBe(SlowLoss(Ids(length), PlainContexts(length, stride == 0 ? ContextLength : stride)), 1e-5);
    }

    [Fact]
    public void Record_windows_score_each_token_as_its_own_forward_pass_does()
    {
        int[] ids = Ids(60);
        // Records of 3, 4, 20 (longer than a window), 2, 2, 2 and 27 tokens.
        EvaluationWindows windows = EvaluationWindows.OfRecords(ids, [0, 3, 7, 27, 29, 31, 33], ContextLength);
        (int Start, int Target)[] contexts = [.. windows.Windows.SelectMany(window =>
            Enumerable.Range(window.FirstScored, window.ScoredCount).Select(i => (window.Start, window.Start + i + 1)))];
        contexts.Select(context => context.Target).ShouldBe(Enumerable.Range(1, 59));
        using Evaluator evaluator = new(_model, _pool);

        EvaluationResult result = evaluator.Evaluate(windows);

        result.Tokens.ShouldBe(59);
        result.Loss.ShouldBe(SlowLoss(ids, contexts), 1e-5);
    }

    [Fact]
    public void An_evaluator_gives_the_same_bits_again_after_windows_of_another_size_and_for_any_number_of_threads()
    {
        EvaluationWindows large = EvaluationWindows.Plain(Ids(2600), ContextLength), small = EvaluationWindows.Plain(Ids(20), 5);
        List<(double, double, double)> losses = [];
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using WorkerPool pool = new(threads);
            using Evaluator evaluator = new(_model, pool);
            losses.Add((evaluator.Evaluate(large).Loss, evaluator.Evaluate(small).Loss, evaluator.Evaluate(large).Loss));
        }

        losses[0].Item3.ShouldBe(losses[0].Item1);
        losses[0].Item2.ShouldNotBe(losses[0].Item1);
        losses[1].ShouldBe(losses[0]);
        losses[2].ShouldBe(losses[0]);
    }

    /// <summary>Dropout belongs to training.</summary>
    [Fact]
    public void Dropout_does_not_act()
    {
        using Gpt2Model dropping = SmallRun.RandomModel(Options with { Dropout = 0.9 }, VocabularySize);
        using Evaluator plain = new(_model, _pool), evaluator = new(dropping, _pool);
        EvaluationWindows windows = EvaluationWindows.Plain(Ids(100), ContextLength);

        evaluator.Evaluate(windows).ShouldBe(plain.Evaluate(windows));
    }

    [Fact]
    public void Evaluating_again_allocates_no_more_than_the_result()
    {
        EvaluationWindows windows = EvaluationWindows.Plain(Ids(2600), ContextLength);
        using Evaluator evaluator = new(_model, _pool);
        for (int i = 0; i < 30; i++)
        {
            evaluator.Evaluate(windows);
        }

        Allocation.Least(() => evaluator.Evaluate(windows)).ShouldBeLessThanOrEqualTo(32);
    }

    [Fact]
    public void Progress_gets_the_result_of_the_windows_so_far()
    {
        EvaluationWindows windows = EvaluationWindows.Plain(Ids(2600), ContextLength);
        using Evaluator evaluator = new(_model, _pool);
        List<EvaluationResult> results = [];

        EvaluationResult whole = evaluator.Evaluate(windows, results.Add, CancellationToken.None);

        results.Count.ShouldBeGreaterThan(1);
        results[^1].ShouldBe(whole);
        EvaluationWindows part = EvaluationWindows.Plain(Ids(2600).AsMemory(0, (int)results[0].Tokens + 1), ContextLength);
        results[0].Tokens.ShouldBeLessThan(whole.Tokens);
        results[0].ShouldBe(evaluator.Evaluate(part));
    }

    [Fact]
    public void Measures_derive_from_the_loss()
    {
        EvaluationResult result = new(Math.Log(8), 100);

        result.Perplexity.ShouldBe(8, 1e-12);
        result.BitsPerByte(100).ShouldBe(3, 1e-12);
        result.BitsPerByte(150).ShouldBe(2, 1e-12);
    }

    [Fact]
    public void Windows_that_cannot_be_scored_are_refused()
    {
        using Evaluator evaluator = new(_model, _pool);

        Should.Throw<InvalidDataException>(() => evaluator.Evaluate(EvaluationWindows.Plain(Ids(1), ContextLength)))
            .Message.ShouldContain("at least two tokens");
        Should.Throw<InvalidDataException>(() => evaluator.Evaluate(EvaluationWindows.Plain(Ids(50), ContextLength + 1)))
            .Message.ShouldContain("windows have 9 tokens");
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        using Evaluator evaluator = new(_model, _pool);

        Should.Throw<OperationCanceledException>(
            () => evaluator.Evaluate(EvaluationWindows.Plain(Ids(50), ContextLength), new CancellationToken(canceled: true)));
    }

    private static int[] Ids(int count)
    {
        RandomSource random = new(3);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextInt32(VocabularySize))];
    }

    /// <summary>The context of every target: that of the first window that reaches it.</summary>
    private static IEnumerable<(int Start, int Target)> PlainContexts(int length, int stride)
    {
        for (int target = 1; target < length; target++)
        {
            int start = 0;
            while (start + ContextLength < target)
            {
                start += stride;
            }

            yield return (start, target);
        }
    }

    /// <summary>The mean of -log p(target) by a forward pass over each target's own context, the softmax in double precision.</summary>
    private double SlowLoss(int[] ids, IEnumerable<(int Start, int Target)> contexts)
    {
        using Tape tape = new(_pool, recording: false);
        return contexts.Average(context =>
        {
            tape.Begin();
            float[] logits = _model.ForwardLast(tape, ids.AsSpan(context.Start, context.Target - context.Start), 1).Values.ToArray();
            return Math.Log(logits.Sum(logit => Math.Exp(logit))) - logits[ids[context.Target]];
        });
    }
}
