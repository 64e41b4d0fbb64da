using Quatrain.Inference.Chat;
using Quatrain.Models;
using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Instruction;
using Quatrain.Training.Logging;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.FineTuning.Instruction;

public sealed class InstructionTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;
    private readonly string _data;
    private int _runs;

    public InstructionTrainingTests() => (_model, _data) = (LastLetters.WriteModel(_folder.File("base")), _folder.WriteText("data.jsonl", LastLetters.Data(120)));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_the_data_teaches_is_learned_and_answered()
    {
        string data = _folder.WriteText("more.jsonl", LastLetters.Data(480));

        InstructionOutcome outcome = Run(Options("all") with { Data = data, Samples = 20, Tuning = new FineTuningOptions { Epochs = 12, LearningRate = 3e-3, WeightDecay = 0.01 } }).Outcome;

        double before = outcome.Result.Records.OfType<EvaluationRecord>().First().ValidationLoss;
        // Who knows the letters, and not which, is at ln(8) / 2 = 1.04: the end of a reply is certain.
        before.ShouldBeGreaterThan(5);
        outcome.ValidationLoss!.Value.ShouldBeLessThan(0.1);
        outcome.TestLossBefore!.Value.ShouldBeGreaterThan(5);
        outcome.TestLoss!.Value.ShouldBeLessThan(0.1);
        outcome.Samples.Count.ShouldBe(20);
        foreach (InstructionSample sample in outcome.Samples)
        {
            sample.Expected.ShouldBe(sample.Prompt[^1..]);
            sample.After.ShouldBe(sample.Expected);
            sample.Before.ShouldNotBe(sample.Expected);
        }
    }

    [Theory]
    [InlineData("last-1", 0)]
    [InlineData("all", 0.1)]
    [InlineData("lora", 0.1)]
    public void A_run_that_was_stopped_and_resumed_ends_with_the_same_bytes(string part, double dropout)
    {
        InstructionOptions options = Options(part, dropout);
        (RunFolder whole, InstructionOutcome expected) = Run(options);
        RunFolder folder = NewFolder();
        InstructionOutcome outcome = Run(options, folder, stop: 0);
        (outcome.Result.Interrupted, outcome.Result.Steps, outcome.TestLoss, outcome.Samples.Count).ShouldBe((true, 0, null, 0));
        // One stop between two steps, one where all steps are done and what came of them is measured.
        foreach (int stop in (int[])[7, (int)expected.Result.Steps])
        {
            outcome = Resume(folder, threads: 2, stop);
            (outcome.Result.Interrupted, outcome.Result.Steps).ShouldBe((true, stop));
        }

        outcome = Resume(folder, threads: 1);

        outcome.Result.Interrupted.ShouldBeFalse();
        outcome.TestLoss.ShouldBe(expected.TestLoss);
        outcome.TestLossBefore.ShouldBe(expected.TestLossBefore);
        outcome.Samples.ShouldBe(expected.Samples);
        Losses(outcome).ShouldBe(Losses(expected));
        Weights(folder, part).ShouldBe(Weights(whole, part));
    }

    [Theory]
    [InlineData("last-1", "*")]
    [InlineData("lora", "h.1.*")]
    [InlineData("lora", "c_attn")]
    [InlineData("all", "*")]
    public void Every_cache_and_any_number_of_threads_give_the_same_bytes(string part, string target)
    {
        InstructionOptions options = Options(part, dropout: 0.1);
        options = options with { Adapters = options.Adapters with { Targets = [target] } };
        (RunFolder folder, InstructionOutcome expected) = Run(options with { Tuning = options.Tuning with { Cache = PrefixCache.Off } });
        foreach ((PrefixCache cache, int threads) in new[] { (PrefixCache.Memory, 1), (PrefixCache.Disk, 3), (PrefixCache.Off, 2) })
        {
            (RunFolder other, InstructionOutcome outcome) = Run(options with { Tuning = options.Tuning with { Cache = cache } }, threads: threads);
            Losses(outcome).ShouldBe(Losses(expected), $"{cache}, {threads} threads");
            Weights(other, part).ShouldBe(Weights(folder, part), $"{cache}, {threads} threads");
        }
    }

    [Theory]
    [InlineData("all")]
    [InlineData("last-1")]
    [InlineData("lora")]
    public void The_folder_holds_what_was_measured_and_how_to_chat_with_it(string part)
    {
        string baseBefore = Convert.ToHexString(File.ReadAllBytes(Path.Combine(_model, ModelFolder.WeightsFileName)));
        (RunFolder folder, InstructionOutcome outcome) = Run(Options(part) with { Style = PromptStyle.Phi3.Name, System = "x", Data = _folder.WriteText("two.jsonl", LastLetters.Data(60)) });

        ChatSettings settings = ChatSettings.TryLoad(folder.Path)!;
        (settings.Style, settings.System).ShouldBe((PromptStyle.Phi3, "x"));
        using WorkerPool pool = new(2);
        using Gpt2Model model = (Gpt2Model)ModelFile.Map(folder.Path, null, pool);
        (model.Adapters is not null).ShouldBe(part == "lora");
        AdapterFolder.IsAt(folder.Path).ShouldBe(part == "lora");
        using InstructionTraining again = InstructionTraining.Resume(folder, pool, new CancellingObserver());
        using FineTuningScorer scorer = new(new InstructionTask(model, 0, [], again.Test.Examples, SmallBytePairs.EndOfTextId), 8, null, pool);
        scorer.Score(default).Loss.ShouldBe(outcome.TestLoss!.Value);
        outcome.TestLoss.ShouldNotBe(outcome.TestLossBefore);
        Convert.ToHexString(File.ReadAllBytes(Path.Combine(_model, ModelFolder.WeightsFileName))).ShouldBe(baseBefore);
    }

    [Fact]
    public void Adapters_take_the_memory_of_adapters()
    {
        FineTuningResult all = Run(Options("all")).Outcome.Result, lora = Run(Options("lora")).Outcome.Result;

        // Rank 2 on c_attn of two blocks, from 24 inputs to 72 outputs.
        lora.TrainedParameters.ShouldBe(2 * 2 * (24 + 72));
        lora.OptimizerBytes.ShouldBeInRange(12 * lora.TrainedParameters, 12 * (lora.TrainedParameters + 4 * 16));
        all.OptimizerBytes.ShouldBeGreaterThan(12 * all.TrainedParameters);
        all.TrainedParameters.ShouldBeGreaterThan(40 * lora.TrainedParameters);
    }

    /// <summary>An entry whose prompt is longer than the context can't be answered, and must not end the run.</summary>
    [Theory]
    [InlineData(ScoredTokens.Replies)]
    [InlineData(ScoredTokens.All)]
    public void Entries_beyond_the_context_are_neither_learned_nor_asked(ScoredTokens scored)
    {
        InstructionOptions options = Options("last-1") with { Data = _folder.WriteText("long.jsonl", LastLetters.Data(120, longEvery: 2)), Scored = scored, Samples = 12 };
        using WorkerPool pool = new(2);
        using InstructionTraining training = InstructionTraining.Begin(NewFolder(), options, pool, new CancellingObserver());
        int longOnes = training.Split.Test.Count(entry => entry.Turns[0].Text.Length > LastLetters.ContextLength);

        InstructionOutcome outcome = training.Run();

        longOnes.ShouldBeInRange(1, 11);
        outcome.Samples.Count.ShouldBe(12 - longOnes);
        outcome.Samples.ShouldAllBe(sample => sample.Prompt.Length == 3);
        (scored == ScoredTokens.Replies ? training.Test.LeftOutCount : training.Test.TruncatedCount).ShouldBe(longOnes);
        Should.Throw<InvalidDataException>(() => Run(options with { LongEntries = LongEntryPolicy.Refuse })).Message.ShouldMatch(
            @"^Line \d+ of '.*long\.jsonl' has \d+ tokens before its last, and at most 40 are read; shorten it, or leave out --too-long refuse to cut it\.$");
    }

    [Fact]
    public void All_tokens_can_be_learned()
    {
        using WorkerPool pool = new(1);
        using InstructionTraining all = InstructionTraining.Begin(NewFolder(), Options("all") with { Scored = ScoredTokens.All }, pool, new CancellingObserver());
        using InstructionTraining replies = InstructionTraining.Begin(NewFolder(), Options("all"), pool, new CancellingObserver());

        all.Training.ScoredCount.ShouldBe(all.Training.TokenCount);
        replies.Training.TokenCount.ShouldBe(all.Training.TokenCount);
        // A letter and its end.
        replies.Training.ScoredCount.ShouldBe(2 * replies.Split.Training.Count);
    }

    [Fact]
    public void A_run_goes_on_only_with_its_own_data_and_model()
    {
        RunFolder folder = NewFolder();
        Run(Options("last-1"), folder, stop: 3);
        string data = File.ReadAllText(_data);

        File.WriteAllText(_data, data.Replace("b", "c", StringComparison.Ordinal));
        Refused(folder).ShouldBe($"'{_data}' is not what the run was begun with; restore it, or begin a new run.");
        File.WriteAllText(_data, data + "{}\n");
        Refused(folder).ShouldBe($"'{_data}' is not what the run was begun with; restore it, or begin a new run.");
        File.WriteAllText(_data, data);
        using (Gpt2Model other = Gpt2Checkpoint.Load(_model))
        {
            other.Parameters.Parameters[0].Tensor.Values[0]++;
            Gpt2Checkpoint.Save(_model, other);
        }

        Refused(folder).ShouldBe($"The weights of '{_model}' are not those that the run was begun with; restore them, or begin a new run.");
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"task\": \"classify\"")]
    [InlineData("{\"task\": \"instruct\", \"options\": null, \"data_hash\": \"\", \"model_hash\": \"\"}")]
    [InlineData("{\"task\": \"instruct\", \"options\": {\"tuning\": null}, \"data_hash\": \"\", \"model_hash\": \"\"}")]
    [InlineData("{\"task\": \"instruct\", \"options\": {}, \"data_hash\": \"\", \"model_hash\": \"\"}")]
    [InlineData("{\"task\": \"instruct\", \"options\": {\"style\": null}, \"data_hash\": \"\", \"model_hash\": \"\"}")]
    [InlineData("{\"task\": \"instruct\", \"options\": {\"more\": 1}, \"data_hash\": \"\", \"model_hash\": \"\"}")]
    public void A_damaged_description_is_refused(string content)
    {
        RunFolder folder = NewFolder();
        Run(Options("last-1"), folder, stop: 3);
        File.WriteAllText(folder.FineTuningPath, content);

        Refused(folder).ShouldBe($"'{folder.FineTuningPath}' does not describe a run of quatrain finetune instruct; name a folder that it made, or begin a new run.");
    }

    public static TheoryData<string, string> Impossible => new()
    {
        { "--train is 'head', and a language model's head is its token table; choose last-K, all or lora.", "head" },
        { "--train is 'some'; it must be last-K with a number of blocks such as last-1, all or lora.", "some" },
        { "--train is last-3, and the model has 2 blocks; choose at most last-2, or all.", "last-3" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void What_can_not_train_is_refused_and_leaves_no_folder(string sentence, string part)
    {
        RunFolder folder = NewFolder();

        Should.Throw<InvalidDataException>(() => Run(Options(part), folder)).Message.ShouldBe(sentence);
        Directory.Exists(folder.Path).ShouldBeFalse();
    }

    [Fact]
    public void Impossible_options_are_refused()
    {
        Reject(options => options with { MaxLength = 1 }, "--max-length is 1; it must be at least 2.");
        Reject(options => options with { MaxLength = 41 }, "--max-length is 41; the model reads at most 40 tokens.");
        Reject(options => options with { Samples = -1 }, "--samples is -1; it must lie between 0 and 1000.");
        Reject(options => options with { Style = "x" }, "There is no prompt style 'x'; there are alpaca, phi3, chatml, plain.");
        Reject(options => options with { Train = "lora", Adapters = new LoraConfig { Rank = 0 } }, "The LoRA rank is 0; it must lie between 1 and 8192.");
        Reject(options => options with { Tuning = new FineTuningOptions { Epochs = 0 } }, "--epochs is 0; it must be between 1 and 100000.");
        Reject(options => options with { Data = _folder.WriteText("one.jsonl", LastLetters.Data(2)) }, "2 entries are too few for training, 1 for validation and 1 for a test; give more, or smaller shares.");
    }

    [Fact]
    public void A_folder_that_holds_a_model_or_an_adapter_is_not_written_to()
    {
        (RunFolder adapter, _) = Run(Options("lora"));
        File.Delete(adapter.FineTuningPath);

        foreach (string folder in (string[])[_model, adapter.Path])
        {
            Should.Throw<InvalidDataException>(() => Run(Options("lora"), new RunFolder(folder))).Message.ShouldBe($"'{folder}' holds a model that training would replace; choose another --out.");
        }
    }

    private void Reject(Func<InstructionOptions, InstructionOptions> change, string sentence) =>
        Should.Throw<InvalidDataException>(() => Run(change(Options("all")))).Message.ShouldBe(sentence);

    private static string Refused(RunFolder folder)
    {
        using WorkerPool pool = new(1);
        return Should.Throw<InvalidDataException>(() => InstructionTraining.Resume(folder, pool, new CancellingObserver())).Message;
    }

    private InstructionOptions Options(string part, double dropout = 0) => new()
    {
        Model = _model,
        Data = _data,
        Style = PromptStyle.Plain.Name,
        Train = part,
        Samples = 2,
        Adapters = new LoraConfig { Rank = 2, Dropout = (float)dropout, Targets = ["c_attn"] },
        Tuning = new FineTuningOptions { Epochs = 2, LearningRate = 3e-3, Dropout = dropout, Seed = 9 },
    };

    private RunFolder NewFolder() => new(_folder.File($"run{_runs++}"));

    private (RunFolder Folder, InstructionOutcome Outcome) Run(InstructionOptions options, int threads = 1)
    {
        RunFolder folder = NewFolder();
        return (folder, Run(options, folder, threads: threads));
    }

    /// <summary>Runs, and cancels when step <paramref name="stop"/> is done; at 0 before anything.</summary>
    private static InstructionOutcome Run(InstructionOptions options, RunFolder folder, int? stop = null, int threads = 1) =>
        Run(threads, stop, (pool, observer) => InstructionTraining.Begin(folder, options, pool, observer));

    private static InstructionOutcome Resume(RunFolder folder, int threads, int? stop = null) =>
        Run(threads, stop, (pool, observer) => InstructionTraining.Resume(folder, pool, observer));

    private static InstructionOutcome Run(int threads, int? stop, Func<WorkerPool, IFineTuningObserver, InstructionTraining> make)
    {
        using WorkerPool pool = new(threads);
        using CancellationTokenSource source = new();
        if (stop == 0)
        {
            source.Cancel();
        }

        long last = long.MaxValue;
        CancellingObserver observer = new()
        {
            // The last step's evaluation comes before the end is seen.
            Stepped = step => { if (step == stop && step < last) { source.Cancel(); } },
            Evaluation = step => { if (step == stop && step == last) { source.Cancel(); } },
        };
        using InstructionTraining training = make(pool, observer);
        last = 2 * LengthGroupedBatches.Count(training.Training.Examples.Count, 8);
        return training.Run(source.Token);
    }

    private static double[] Losses(InstructionOutcome outcome) =>
    [
        .. outcome.Result.Records.OfType<StepRecord>().Select(record => record.Loss), .. outcome.Result.Records.OfType<EvaluationRecord>().Select(record => record.ValidationLoss),
    ];

    private static byte[] Weights(RunFolder folder, string part) =>
        File.ReadAllBytes(Path.Combine(folder.Path, part == "lora" ? AdapterFolder.WeightsFileName : ModelFolder.WeightsFileName));
}
