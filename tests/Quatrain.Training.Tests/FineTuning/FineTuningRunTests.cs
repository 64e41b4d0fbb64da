using Quatrain.Models.Classification;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.FineTuning;
using Quatrain.Training.Logging;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.FineTuning;

public sealed class FineTuningRunTests : IDisposable
{
    private static readonly FineTuningOptions Options = new() { Epochs = 3, LearningRate = 3e-3, Seed = 9 };

    private readonly TemporaryFolder _folder = new();
    private int _runs;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("head", Pooling.LastToken)]
    [InlineData("head", Pooling.Mean)]
    [InlineData("last-1", Pooling.LastToken)]
    [InlineData("last-2", Pooling.Mean)]
    [InlineData("last-3", Pooling.LastToken)]
    [InlineData("all", Pooling.LastToken)]
    public void Every_cache_and_any_number_of_threads_give_the_same_losses_and_weights(string part, Pooling pooling)
    {
        (double[] losses, float[] weights) = Run(part, pooling, PrefixCache.Off, threads: 1);
        foreach ((PrefixCache cache, int threads) in new[] { (PrefixCache.Off, 2), (PrefixCache.Memory, 1), (PrefixCache.Memory, 3), (PrefixCache.Disk, 2), (PrefixCache.Auto, 1) })
        {
            (double[] sameLosses, float[] sameWeights) = Run(part, pooling, cache, threads);
            sameLosses.ShouldBe(losses, $"{cache}, {threads} threads");
            sameWeights.ShouldBe(weights, $"{cache}, {threads} threads");
        }
    }

    [Theory]
    [InlineData("head", 0)]
    [InlineData("last-1", 0)]
    [InlineData("all", 0.1f)]
    public void A_run_that_was_stopped_and_resumed_ends_with_the_same_bits(string part, float dropout)
    {
        (double[] losses, float[] weights) = Run(part, Pooling.LastToken, PrefixCache.Memory, threads: 1, dropout);
        RunFolder folder = NewFolder();
        double[] resumed = [];
        float[] after = [];
        for (int stop = 5; ; stop += 5)
        {
            using CancellationTokenSource source = new();
            using WorkerPool pool = new(2);
            using Gpt2Classifier classifier = MarkedTexts.Classifier(dropout: dropout);
            using FineTuningRun run = new(
                folder, MarkedTexts.Task(classifier, TrainedPart.Parse(part)), Options, pool, new Observer { Stop = step => { if (step == stop) { source.Cancel(); } } }, resume: stop > 5);
            FineTuningResult result = run.Run(source.Token);
            if (!result.Interrupted)
            {
                resumed = [.. result.Records.OfType<StepRecord>().Select(record => record.Loss)];
                after = MarkedTexts.Weights(classifier);
                break;
            }

            result.Steps.ShouldBe(stop);
        }

        resumed.ShouldBe(losses);
        after.ShouldBe(weights);
    }

    [Fact]
    public void Only_what_trains_changes()
    {
        using WorkerPool pool = new(1);
        using Gpt2Classifier classifier = MarkedTexts.Classifier();
        Dictionary<string, float[]> before = classifier.Model.Parameters.Parameters.ToDictionary(p => p.Name, p => p.Tensor.Values.ToArray());
        ClassificationTask task = MarkedTexts.Task(classifier, TrainedPart.Last(1));
        using FineTuningRun run = new(NewFolder(), task, Options, pool, new Observer(), resume: false);
        FineTuningResult result = run.Run();

        result.FrozenStages.ShouldBe(2);
        long trained = 0;
        foreach (Parameter parameter in classifier.Model.Parameters.Parameters)
        {
            bool trains = parameter.Name.StartsWith("h.2.", StringComparison.Ordinal) || parameter.Name.StartsWith("ln_f", StringComparison.Ordinal);
            trained += trains ? parameter.Tensor.Values.Length : 0;
            // A key's bias moves all scores of a query alike, so its gradient is zero but for rounding; every other kind of parameter must move.
            (parameter.Tensor.Values.SequenceEqual(before[parameter.Name]) != trains).ShouldBeTrue(parameter.Name);
        }

        result.TrainedParameters.ShouldBe(trained + classifier.Head.Values.Length);
        result.OptimizerBytes.ShouldBeGreaterThanOrEqualTo(3 * sizeof(float) * result.TrainedParameters);
        result.OptimizerBytes.ShouldBeLessThan(3 * sizeof(float) * (result.TrainedParameters + 16 * 20));
    }

    [Fact]
    public void A_token_at_a_known_place_is_learned_without_a_miss()
    {
        using WorkerPool pool = new(2);
        using Gpt2Classifier classifier = MarkedTexts.Classifier();
        ClassificationTask task = MarkedTexts.Task(classifier, TrainedPart.All, training: 800, validation: 200);
        using FineTuningRun run = new(NewFolder(), task, Options with { Epochs = 12, WeightDecay = 0.01 }, pool, new Observer(), resume: false);

        FineTuningResult result = run.Run();

        result.Records.OfType<EvaluationRecord>().Last().Accuracy.ShouldBe(1);
    }

    [Fact]
    public void The_best_model_on_validation_is_the_result()
    {
        using WorkerPool pool = new(1);
        using Gpt2Classifier classifier = MarkedTexts.Classifier();
        ClassificationTask task = MarkedTexts.Task(classifier, TrainedPart.All);
        // So high a rate that the loss goes up and down.
        FineTuningOptions options = Options with { Epochs = 8, LearningRate = 0.03 };
        List<EvaluationRecord> bests = [];
        using FineTuningRun run = new(NewFolder(), task, options, pool, new Observer { Best = bests.Add }, resume: false);
        FineTuningResult result = run.Run();
        using FineTuner again = new(task, options, null, pool);

        // The best by the task's criterion, which for a classifier is not the loss itself.
        bests[^1].Step.ShouldBe(result.BestStep);
        bests[^1].Step.ShouldBeLessThan(result.Steps);
        again.Score(default).Loss.ShouldBe(bests[^1].ValidationLoss);
    }

    [Fact]
    public void The_file_of_activations_goes_with_the_run()
    {
        RunFolder folder = NewFolder();
        using WorkerPool pool = new(1);
        using Gpt2Classifier classifier = MarkedTexts.Classifier();
        using (FineTuningRun run = new(folder, MarkedTexts.Task(classifier, TrainedPart.None), Options with { Cache = PrefixCache.Disk }, pool, new Observer(), resume: false))
        {
            File.Exists(folder.ActivationsPath).ShouldBeTrue();
            FineTuningResult result = run.Run();
            (result.Cache, result.CachedBytes > 0).ShouldBe((PrefixCache.Disk, true));
        }

        File.Exists(folder.ActivationsPath).ShouldBeFalse();
    }

    private RunFolder NewFolder()
    {
        RunFolder folder = new(Path.Combine(_folder.Path, $"run{_runs++}"));
        folder.Create();
        return folder;
    }

    private (double[] Losses, float[] Weights) Run(string part, Pooling pooling, PrefixCache cache, int threads, float dropout = 0)
    {
        using WorkerPool pool = new(threads);
        using Gpt2Classifier classifier = MarkedTexts.Classifier(pooling, dropout);
        using FineTuningRun run = new(NewFolder(), MarkedTexts.Task(classifier, TrainedPart.Parse(part)), Options with { Cache = cache }, pool, new Observer(), resume: false);
        FineTuningResult result = run.Run();
        result.Interrupted.ShouldBeFalse();
        return ([.. result.Records.OfType<StepRecord>().Select(record => record.Loss)], MarkedTexts.Weights(classifier));
    }

    private sealed class Observer : IFineTuningObserver
    {
        public Action<long>? Stop { get; init; }

        public Action<EvaluationRecord>? Best { get; init; }

        public void Precomputed(int done, int count)
        {
        }

        public void StepDone(StepRecord record, long steps) => Stop?.Invoke(record.Step);

        public void Evaluated(EvaluationRecord record, bool isBest)
        {
            if (isBest)
            {
                Best?.Invoke(record);
            }
        }
    }
}
