using System.Globalization;
using Quatrain.Inference.Chat;
using Quatrain.Models.Adapters;
using Quatrain.Models.Classification;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Instruction;
using Quatrain.Training.Runs;
using Quatrain.Training.Tests.FineTuning.Instruction;
using Xunit.Abstractions;

namespace Quatrain.Training.Tests.FineTuning;

public sealed class FineTuningMemoryTests(ITestOutputHelper output) : IDisposable
{
    private const long Plenty = 1L << 40;

    // The longest eight of 64 texts, all of one stretch, are a batch.
    private static readonly FineTuningOptions Options = new() { Epochs = 1, LearningRate = 3e-3, BatchSize = 8, Cache = PrefixCache.Memory };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("head", Pooling.LastToken, 0)]
    [InlineData("head", Pooling.Mean, 0)]
    [InlineData("last-1", Pooling.LastToken, 0)]
    [InlineData("last-1", Pooling.Mean, 0.1f)]
    [InlineData("last-2", Pooling.LastPosition, 0.1f)]
    [InlineData("all", Pooling.LastToken, 0.1f)]
    [InlineData("all", Pooling.Mean, 0)]
    public void A_part_of_a_classifier_takes_exactly_what_was_forecast(string part, Pooling pooling, float dropout)
    {
        using Gpt2Classifier classifier = MarkedTexts.Classifier(pooling, dropout);
        Measure(MarkedTexts.Task(classifier, TrainedPart.Parse(part), training: 64), part, most: 1);
    }

    /// <summary>Of adapters the most is counted that they can take: half as much again at worst, where one layer has one.</summary>
    [Theory]
    [InlineData("*", 0)]
    [InlineData("c_attn", 0)]
    [InlineData("h.1.*", 0.1f)]
    [InlineData("h.2.mlp.c_fc", 0)]
    public void Adapters_take_no_more_than_was_forecast(string target, float dropout)
    {
        using Gpt2Classifier classifier = MarkedTexts.Classifier(dropout: dropout);
        int stage = TrainedPart.Freeze("lora", new LoraConfig { Rank = 4, Targets = [target], Dropout = dropout }, 1, classifier.Model, out LoraAdapters? adapters);
        using (adapters)
        {
            ClassificationTask task = new(classifier, stage, MarkedTexts.Make(64, 1), MarkedTexts.Make(20, 2), [], MarkedTexts.PadId, adapters!.Parameters);
            Measure(task, "lora", most: 1.5);
        }
    }

    [Fact]
    public void The_frozen_results_are_counted_where_they_are_kept_in_memory()
    {
        using Gpt2Classifier classifier = MarkedTexts.Classifier();
        ClassificationTask task = MarkedTexts.Task(classifier, TrainedPart.Last(1));
        long results = task.Examples.Sum(example => example.Length) * 24L * sizeof(float);
        FineTuningMemory Forecast(PrefixCache cache, long available = Plenty) => new(task, null, "last-1", Options with { Cache = cache }, available);

        FineTuningMemory memory = Forecast(PrefixCache.Memory), disk = Forecast(PrefixCache.Disk);
        (memory.Cache, memory.CachedBytes).ShouldBe((PrefixCache.Memory, results));
        (disk.Cache, disk.CachedBytes).ShouldBe((PrefixCache.Disk, 0));
        disk.TotalBytes.ShouldBe(memory.TotalBytes - results);
        // A quarter of what there is, and no more than there is besides.
        Forecast(PrefixCache.Auto).ShouldBe(memory);
        Forecast(PrefixCache.Auto, 4 * results - 1).Cache.ShouldBe(PrefixCache.Disk);
        Forecast(PrefixCache.Auto, memory.TotalBytes).Cache.ShouldBe(PrefixCache.Memory);
        Forecast(PrefixCache.Auto, memory.TotalBytes - 1).ShouldBe(disk);
        // Where nothing is kept, a batch goes through the frozen part in place of a stretch of examples.
        FineTuningMemory off = Forecast(PrefixCache.Off);
        (off.Cache, off.CachedBytes).ShouldBe((PrefixCache.Off, 0));
        off.PrefixBytes.ShouldBeLessThan(disk.PrefixBytes);
        using Gpt2Classifier whole = MarkedTexts.Classifier();
        FineTuningMemory all = new(MarkedTexts.Task(whole, TrainedPart.All), null, "all", Options, Plenty);
        (all.Cache, all.CachedBytes, all.PrefixBytes).ShouldBe((PrefixCache.Off, 0, 0));
    }

    [Fact]
    public void The_test_part_counts_where_it_has_the_longest_texts()
    {
        using Gpt2Classifier classifier = MarkedTexts.Classifier();
        int stage = TrainedPart.Last(1).Apply(classifier.Model);
        ClassificationTask Task(int count, int length) =>
            new(classifier, stage, MarkedTexts.Make(count, 1), [new ClassificationExample(new int[length], 0)], [], MarkedTexts.PadId);

        long Evaluation(ClassificationTask? test) => new FineTuningMemory(Task(20, 4), test, "last-1", Options, Plenty).EvaluationBytes;

        Evaluation(Task(0, 2)).ShouldBe(Evaluation(null));
        Evaluation(Task(0, 16)).ShouldBeGreaterThan(3 * Evaluation(null));
    }

    [Theory]
    [InlineData("all", PrefixCache.Auto, 8, "a smaller --batch-size, a shorter --max-length or --train last-1")]
    [InlineData("last-2", PrefixCache.Memory, 8, "--cache disk, a smaller --batch-size, a shorter --max-length or --train last-1")]
    [InlineData("last-1", PrefixCache.Off, 1, "a shorter --max-length")]
    public void What_does_not_fit_is_refused_with_what_would_take_less(string part, PrefixCache cache, int batchSize, string change)
    {
        using Gpt2Classifier classifier = MarkedTexts.Classifier();
        ClassificationTask task = MarkedTexts.Task(classifier, TrainedPart.Parse(part));
        FineTuningMemory memory = new(task, null, part, Options with { Cache = cache, BatchSize = batchSize }, Plenty);
        long lasting = memory.WeightBytes + memory.GradientBytes + memory.OptimizerBytes + memory.BestBytes;

        memory.CheckFits(memory.TotalBytes);
        string message = Refusal(memory, memory.TotalBytes - 1);
        string cached = cache == PrefixCache.Memory ? $"{Gigabytes(memory.CachedBytes)} for the frozen part's results, " : "";
        message.ShouldBe(
            $"Fine-tuning this model needs {Gigabytes(memory.TotalBytes)} of memory ({Gigabytes(lasting)} for weights, gradients, AdamW's moments and the best weights so far, {cached}the rest for {batchSize} x {task.Examples.Take(task.TrainingCount).Max(example => example.Length)} tokens at a time), and {Gigabytes(memory.TotalBytes)} are available; choose {change}.");
        Refusal(memory, lasting - 1).ShouldEndWith(part == "last-1" ? "; choose a smaller model." : "; choose --train last-1, --train lora or a smaller model.");
        Refusal(memory, memory.WeightBytes).ShouldEndWith("; choose a smaller model.");
    }

    [Theory]
    [InlineData("all")]
    [InlineData("last-1")]
    [InlineData("lora")]
    public void A_classifier_that_does_not_fit_is_not_begun(string train)
    {
        ClassifierOptions options = new()
        {
            Model = SpamTexts.WriteModel(_folder.File("base")),
            Data = _folder.WriteText("spam.csv", SpamTexts.Csv(SpamTexts.Make(90))),
            Train = train,
            Tuning = new FineTuningOptions { Epochs = 1, LearningRate = 3e-3 },
        };
        using WorkerPool pool = new(1);
        long needed;
        using (ClassifierTraining training = ClassifierTraining.Begin(new RunFolder(_folder.File("fits")), options, pool, new CancellingObserver()))
        {
            needed = training.Memory.TotalBytes;
            training.AvailableBytes.ShouldBeGreaterThan(needed);
            FineTuningResult result = training.Run().Result;
            (training.Memory.GradientBytes + training.Memory.OptimizerBytes).ShouldBe(result.OptimizerBytes);
            training.Memory.ActivationBytes.ShouldBeInRange(result.ActivationBytes, 2 * result.ActivationBytes);
            (training.Memory.Cache, training.Memory.CachedBytes).ShouldBe((result.Cache, result.CachedBytes));
        }

        RunFolder folder = new(_folder.File("refused"));
        using (ClassifierTraining.Begin(new RunFolder(_folder.File("just")), options, pool, new CancellingObserver(), needed))
        {
        }

        // Kept results go to the disk before anything is refused.
        Should.Throw<InvalidDataException>(() => ClassifierTraining.Begin(folder, options, pool, new CancellingObserver(), needed / 2)).Message.ShouldStartWith("Fine-tuning this model needs ");
        Directory.Exists(folder.Path).ShouldBeFalse();
    }

    /// <summary>Entries seldom have their scored tokens all in one batch: a quarter more than was taken at worst.</summary>
    [Theory]
    [InlineData("all", 0)]
    [InlineData("last-1", 0.1)]
    [InlineData("lora", 0)]
    public void An_instruction_follower_takes_little_less_than_was_forecast(string part, double dropout)
    {
        InstructionOptions options = new()
        {
            Model = LastLetters.WriteModel(_folder.File("base")),
            Data = _folder.WriteText("data.jsonl", LastLetters.Data(120, longEvery: 7)),
            Style = PromptStyle.Plain.Name,
            Train = part,
            Samples = 1,
            Adapters = new LoraConfig { Rank = 2, Targets = ["c_attn"] },
            Tuning = new FineTuningOptions { Epochs = 1, LearningRate = 3e-3, Dropout = dropout },
        };
        using WorkerPool pool = new(1);
        using InstructionTraining training = InstructionTraining.Begin(new RunFolder(_folder.File("run")), options, pool, new CancellingObserver());

        FineTuningResult result = training.Run().Result;

        FineTuningMemory memory = training.Memory;
        output.WriteLine(FormattableString.Invariant($"step {result.ActivationBytes:N0} of {memory.ActivationBytes:N0}"));
        (memory.GradientBytes + memory.OptimizerBytes).ShouldBe(result.OptimizerBytes);
        (memory.Cache, memory.CachedBytes).ShouldBe((result.Cache, result.CachedBytes));
        memory.ActivationBytes.ShouldBeInRange(result.ActivationBytes, (long)(1.25 * result.ActivationBytes));
        memory.EvaluationBytes.ShouldBeInRange(result.ActivationBytes / 10, 2 * result.ActivationBytes);
        Should.Throw<InvalidDataException>(() => InstructionTraining.Begin(new RunFolder(_folder.File("refused")), options, pool, new CancellingObserver(), memory.WeightBytes))
            .Message.ShouldEndWith("; choose a smaller model.");
    }

    private void Measure(ClassificationTask task, string part, double most)
    {
        FineTuningMemory memory = new(task, null, part, Options, Plenty);
        memory.WeightBytes.ShouldBe(task.Stores.Sum(store => store.BufferLength) * sizeof(float));
        using WorkerPool pool = new(1);
        using FrozenPrefix? prefix = task.Stage > 0 ? new FrozenPrefix(task, Options.Cache, "", pool) : null;
        using FineTuner tuner = new(task, Options, prefix, pool);
        using FineTuningScorer scorer = new(task, Options.BatchSize, null, pool), keptScorer = new(task, Options.BatchSize, prefix, pool);
        prefix?.Precompute(null, default);
        for (int step = 0; step < tuner.Steps; step++)
        {
            tuner.Step();
        }

        scorer.Score(default);
        keptScorer.Score(default);

        (memory.GradientBytes, memory.OptimizerBytes).ShouldBe(
            (task.Stores.Sum(store => store.GradientBufferLength) * sizeof(float), 2 * task.Stores.Sum(store => store.GradientBufferLength) * sizeof(float)));
        memory.CachedBytes.ShouldBe(prefix?.CachedBytes ?? 0);
        output.WriteLine(FormattableString.Invariant(
            $"step {tuner.ActivationBytes:N0} of {memory.ActivationBytes:N0}, scores {scorer.ActivationBytes:N0} and {keptScorer.ActivationBytes:N0} of {memory.EvaluationBytes:N0}, frozen {prefix?.ActivationBytes:N0} of {memory.PrefixBytes:N0}"));
        memory.ActivationBytes.ShouldBeInRange(tuner.ActivationBytes, (long)(most * tuner.ActivationBytes));
        memory.EvaluationBytes.ShouldBeInRange(Math.Max(scorer.ActivationBytes, keptScorer.ActivationBytes), (long)(1.25 * most * scorer.ActivationBytes));
        if (prefix is not null)
        {
            memory.PrefixBytes.ShouldBeInRange(prefix.ActivationBytes, (long)(1.25 * prefix.ActivationBytes));
        }
    }

    private static string Refusal(FineTuningMemory memory, long available) => Should.Throw<InvalidDataException>(() => memory.CheckFits(available)).Message;

    private static string Gigabytes(long bytes) => (bytes / (double)(1 << 30)).ToString("N1", CultureInfo.InvariantCulture) + " GB";
}
