using System.Globalization;
using System.Text.RegularExpressions;
using Quatrain.Models;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Data;
using Quatrain.Training.Logging;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.Runs;

public sealed partial class TrainingRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TrainingOptions _options;

    public TrainingRunTests() => _options = SmallRun.Options with
    {
        Data = _folder.WriteText("text.txt", SmallRun.Text),
        Iterations = 6,
        EvalEvery = 3,
        CheckpointEvery = 2,
        SampleEvery = 2,
        SampleTokens = 5,
    };

    /// <summary>Decay of 100 at a rate of 1 makes every matrix 99 times as large in each update.</summary>
    private TrainingOptions Diverging => _options with
    {
        LearningRate = 1,
        MinLearningRate = 1,
        WarmupIterations = 0,
        WeightDecay = 100,
        GradientClip = 0,
        Iterations = 100,
        EvalEvery = 0,
        CheckpointEvery = 0,
        SampleEvery = 0,
    };

    private string Folder => _folder.File("run");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_observer_is_told_everything_in_order()
    {
        RunScript script = new();

        script.Run(Folder, _options);

        script.Calls.ShouldBe(
        [
            "started 0", "sampled 0", "evaluated 0",
            "step 1", "step 2", "sampled 2", "step 3", "evaluated 3",
            "step 4", "sampled 4", "step 5", "step 6", "sampled 6", "evaluated 6",
        ]);
        MetricsLog.Read(new RunFolder(Folder).MetricsPath).Select(WithoutTimings).ShouldBe(script.Records.Select(WithoutTimings));
    }

    [Fact]
    public void The_run_begins_with_an_evaluation_of_the_untrained_model()
    {
        RunScript script = new();

        script.Run(Folder, _options);

        using WorkerPool pool = new(1);
        using Gpt2Model untrained = SmallRun.NewModel(_options, SmallRun.Tokenizer.VocabularySize);
        using Evaluator evaluator = new(untrained, pool);
        EvaluationRecord first = script.Records[0].ShouldBeOfType<EvaluationRecord>();
        first.ValidationLoss.ShouldBe(evaluator.Evaluate(SmallRun.Tokens.ValidationWindows(_options.ContextLength)).Loss);
        first.ValidationLoss.ShouldBe(Math.Log(SmallRun.Tokenizer.VocabularySize), 0.1);
        (first.Floor, first.ParseShare, first.RhymeShare).ShouldBe((null, null, null));
    }

    [Fact]
    public void The_evaluation_before_the_first_step_keeps_it_waiting_for_4096_targets_at_most()
    {
        const double Fraction = 0.7;
        RunScript script = new();

        script.Run(Folder, _options with { ValidationFraction = Fraction, Iterations = 1, EvalEvery = 1 });

        EvaluationWindows all = TokenDataset.FromText(SmallRun.Text, SmallRun.Tokenizer, Fraction).ValidationWindows(_options.ContextLength);
        all.TargetCount.ShouldBeGreaterThan(4096);
        using WorkerPool pool = new(1);
        using Gpt2Model untrained = SmallRun.NewModel(_options, SmallRun.Tokenizer.VocabularySize);
        using Evaluator evaluator = new(untrained, pool);
        EvaluationRecord[] evaluations = [.. script.Records.OfType<EvaluationRecord>()];
        evaluations[0].ValidationLoss.ShouldBe(evaluator.Evaluate(all.AtMost(4096)).Loss);
        using Gpt2Model trained = Gpt2Checkpoint.Load(Folder);
        using Evaluator evaluatorAfter = new(trained, pool);
        evaluations[1].ValidationLoss.ShouldBe(evaluatorAfter.Evaluate(all).Loss);
    }

    [Fact]
    public void The_report_says_what_the_run_did()
    {
        RunScript script = new();

        TrainingReport report = script.Run(Folder, _options);

        report.Steps.ShouldBe(6);
        report.Interrupted.ShouldBeFalse();
        report.TrainLoss!.Value.ShouldBe(script.Records.OfType<StepRecord>().Average(step => step.Loss), 1e-12);
        report.ValidationLoss.ShouldBe(script.Records.OfType<EvaluationRecord>().Last().ValidationLoss);
        report.BestValidationLoss.ShouldBe(report.ValidationLoss);
        report.BestStep.ShouldBe(6);
        (report.Floor, report.ParseShare, report.RhymeShare).ShouldBe((null, null, null));
        report.Seconds.ShouldBeGreaterThan(0);
        report.TokensPerSecond!.Value.ShouldBeGreaterThan(0);
        using Gpt2Model model = Gpt2Checkpoint.Load(Folder);
        report.Parameters.ShouldBe(model.Parameters.ElementCount);
    }

    [Fact]
    public void The_folder_holds_a_model_that_can_be_used_and_everything_the_run_depended_on()
    {
        RunScript.Run(Folder, _options);

        using ILanguageModel model = ModelFile.Load(Folder);
        model.ContextLength.ShouldBe(_options.ContextLength);
        TokenizerFile.Load(new RunFolder(Folder).TokenizerPath).VocabularySize.ShouldBe(model.VocabularySize);
        RunDescription description = RunDescription.Read(new RunFolder(Folder).TrainingPath);
        description.Options.ShouldBe(_options);
        description.DataFingerprint.ShouldBe(SmallRun.Tokens.Fingerprint);
        Directory.GetFiles(Folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Folder, file)).Order(StringComparer.Ordinal).ShouldBe(
            ["config.json", "loss.svg", "metrics.jsonl", "model.safetensors", Path.Combine("state", "last.safetensors"), "tokenizer.json", "training.json"]);
    }

    [Fact]
    public void Nothing_on_the_way_saves_evaluates_or_samples_where_it_is_turned_off()
    {
        List<bool> saved = [];
        RunScript script = new() { At = call => saved.Add(File.Exists(new RunFolder(Folder).StatePath)) };

        TrainingReport report = script.Run(Folder, _options with { EvalEvery = 0, CheckpointEvery = 0, SampleEvery = 0, Iterations = 3 });

        script.Calls.ShouldBe(["started 0", "step 1", "step 2", "step 3", "evaluated 3"]);
        saved.ShouldAllBe(there => !there);
        report.BestStep.ShouldBe(3);
        ShouldHoldInRoot(State(_options, out _));
    }

    [Fact]
    public void Without_a_validation_part_the_last_model_is_the_best_and_no_loss_is_made_up()
    {
        TrainingOptions options = _options with { ValidationFraction = 0 };
        RunScript script = new();

        TrainingReport report = script.Run(Folder, options);

        script.Calls.ShouldBe(
            ["started 0", "sampled 0", "step 1", "step 2", "sampled 2", "step 3", "step 4", "sampled 4", "step 5", "step 6", "sampled 6"]);
        (report.ValidationLoss, report.BestValidationLoss, report.BestStep).ShouldBe((null, null, 6L));
        ShouldHoldInRoot(State(options, out _));
    }

    /// <summary>Training text and validation text disagree, so the better the model knows the one the worse it does on the other.</summary>
    [Fact]
    public void The_best_model_stays_in_the_folder_while_the_last_one_gets_worse()
    {
        string text = string.Concat(Enumerable.Repeat("abcdefgh", 100)) + string.Concat(Enumerable.Repeat("hgfedcba", 11)) + "h";
        TrainingOptions options = _options with
        {
            Data = _folder.WriteText("overfit.txt", text),
            Iterations = 60,
            LearningRate = 1e-2,
            EvalEvery = 4,
            CheckpointEvery = 0,
            SampleEvery = 0,
        };
        RunScript script = new();

        TrainingReport report = script.Run(Folder, options);

        EvaluationRecord[] evaluations = [.. script.Records.OfType<EvaluationRecord>()];
        EvaluationRecord best = evaluations.MinBy(evaluation => evaluation.ValidationLoss)!;
        best.ValidationLoss.ShouldBeLessThan(evaluations[^1].ValidationLoss - 0.5);
        (report.BestStep, report.BestValidationLoss, report.ValidationLoss).ShouldBe((best.Step, best.ValidationLoss, evaluations[^1].ValidationLoss));

        TokenDataset tokens = TokenDataset.FromText(text, CharacterTokenizer.FromText(text), options.ValidationFraction);
        using Gpt2Model root = Gpt2Checkpoint.Load(Folder), last = State(options, out TrainingState state, vocabularySize: 8);
        (state.Step, state.EvaluatedStep, state.BestStep, state.BestLoss).ShouldBe((60, 60, best.Step, best.ValidationLoss));
        using WorkerPool pool = new(1);
        using Evaluator rootEvaluator = new(root, pool), lastEvaluator = new(last, pool);
        rootEvaluator.Evaluate(tokens.ValidationWindows(options.ContextLength)).Loss.ShouldBe(best.ValidationLoss);
        lastEvaluator.Evaluate(tokens.ValidationWindows(options.ContextLength)).Loss.ShouldBe(evaluations[^1].ValidationLoss);
    }

    [Fact]
    public void A_run_that_diverges_names_its_step_and_the_last_good_checkpoint()
    {
        TrainingOptions options = Diverging with { CheckpointEvery = 3 };
        RunScript script = new();

        TrainingDivergedException error = Should.Throw<TrainingDivergedException>(() => script.Run(Folder, options));

        long failed = long.Parse(script.Calls[^1].Split(' ')[1], CultureInfo.InvariantCulture) + 1;
        Match numbers = StepAndCheckpoint().Match(error.Message);
        numbers.Success.ShouldBeTrue(error.Message);
        numbers.Groups[1].Value.ShouldBe($"{failed}");
        error.Message.ShouldContain(new RunFolder(Folder).StatePath);
        using Gpt2Model model = State(options, out TrainingState state);
        state.Step.ShouldBe(long.Parse(numbers.Groups[2].Value, CultureInfo.InvariantCulture));
        state.Step.ShouldBeGreaterThan(0);
        state.Step.ShouldBeLessThan(failed - 1);
        script.Records.OfType<StepRecord>().ShouldAllBe(record => double.IsFinite(record.Loss));
    }

    [Theory]
    [InlineData(0, 0, "no good checkpoint had been saved yet")]
    [InlineData(0, 1, "no good checkpoint had been saved yet")]
    [InlineData(200, 1, "the last good model is the best one, of step 0, in")]
    public void A_checkpoint_of_the_weights_that_failed_is_not_called_good(int evalEvery, int checkpointEvery, string said)
    {
        TrainingOptions options = Diverging with { EvalEvery = evalEvery, CheckpointEvery = checkpointEvery };

        Should.Throw<TrainingDivergedException>(() => RunScript.Run(Folder, options)).Message.ShouldContain(said);
    }

    [Fact]
    public void A_run_whose_divergence_shows_in_a_sample_or_an_evaluation_says_so_too()
    {
        Fail("one", _options with { SampleEvery = 1 }).ShouldStartWith("The model's scores became NaN or infinite at step 1");
        Fail("other", _options with { SampleEvery = 0, EvalEvery = 1 }).ShouldStartWith("The validation loss became NaN or infinite at step 1");

        string Fail(string folder, TrainingOptions options)
        {
            RunScript? script = null;
            script = new RunScript
            {
                At = call =>
                {
                    if (call == "step 1")
                    {
                        script!.Current!.Model.Parameters["wte.weight"].Tensor.Values.Fill(float.NaN);
                    }
                },
            };
            return Should.Throw<TrainingDivergedException>(() => script.Run(_folder.File(folder), options)).Message;
        }
    }

    [Fact]
    public void A_run_is_not_begun_over_another_or_resumed_with_other_options_or_data()
    {
        RunScript.Run(Folder, _options);
        Dictionary<string, string> before = RunFiles.Read(Folder);
        RunFolder folder = new(Folder);
        using WorkerPool pool = new(1);
        RunScript script = new();

        Should.Throw<InvalidDataException>(() => TrainingRun.BeginAsync(folder, _options, pool, script)).Message.ShouldContain("--resume");
        Should.Throw<InvalidDataException>(() => TrainingRun.ResumeAsync(folder, options => options with { BatchSize = 5 }, pool, script))
            .Message.ShouldContain("batch_size 4, not 5");
        Should.Throw<InvalidDataException>(() => TrainingRun.ResumeAsync(new RunFolder(_folder.File("none")), options => options, pool, script))
            .Message.ShouldContain("no run to resume");
        _folder.WriteText("text.txt", SmallRun.Text + "x");
        Should.Throw<InvalidDataException>(() => TrainingRun.ResumeAsync(folder, options => options, pool, script))
            .Message.ShouldContain("is not what the run was begun with");
        RunFiles.Read(Folder).ShouldBe(before);
    }

    [Fact]
    public void A_damaged_state_is_refused()
    {
        RunScript.Run(Folder, _options);
        string state = new RunFolder(Folder).StatePath;
        File.WriteAllBytes(state, File.ReadAllBytes(state)[..^5]);

        Should.Throw<InvalidDataException>(() => RunScript.Run(Folder, _options)).Message.ShouldContain("last.safetensors");
    }

    private static MetricRecord WithoutTimings(MetricRecord record) => record is StepRecord step ? step with { TokensPerSecond = 0, Seconds = 0 } : record;

    /// <summary>The model of the run's last state.</summary>
    private Gpt2Model State(TrainingOptions options, out TrainingState state, int? vocabularySize = null)
    {
        Gpt2Model model = new(TrainingRun.ModelConfig(options, vocabularySize ?? SmallRun.Tokenizer.VocabularySize));
        using AdamW optimizer = new(model.Parameters, new AdamWOptions());
        state = TrainingState.Load(new RunFolder(Folder).StatePath, optimizer);
        return model;
    }

    private void ShouldHoldInRoot(Gpt2Model expected)
    {
        using Gpt2Model root = Gpt2Checkpoint.Load(Folder);
        SmallRun.Bits(root).ShouldBe(SmallRun.Bits(expected));
        expected.Dispose();
    }

    [GeneratedRegex(@"at step (\d+); the last good checkpoint is of step (\d+)")]
    private static partial Regex StepAndCheckpoint();
}
