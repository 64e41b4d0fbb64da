using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Quatrain.Inference.Classification;
using Quatrain.Models.Adapters;
using Quatrain.Models.Classification;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Data;
using Quatrain.Training.FineTuning.Metrics;
using Quatrain.Training.FineTuning.Report;
using Quatrain.Training.Logging;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.FineTuning;

public sealed class ClassifierTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly WorkerPool _pool = new(2);
    private readonly (string Label, string Text)[] _texts = SpamTexts.Make(90);
    private readonly ClassifierOptions _options;

    public ClassifierTrainingTests() => _options = new ClassifierOptions
    {
        Model = SpamTexts.WriteModel(_folder.File("base")),
        Data = _folder.WriteText("spam.csv", SpamTexts.Csv(_texts)),
        Baseline = false,
        Tuning = new FineTuningOptions { Epochs = 2, LearningRate = 3e-3, Seed = 5 },
    };

    public void Dispose()
    {
        _pool.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("all", Pooling.LastToken)]
    [InlineData("all", Pooling.LastPosition)]
    [InlineData("last-1", Pooling.Mean)]
    [InlineData("head", Pooling.LastToken)]
    [InlineData("lora", Pooling.LastToken)]
    public void What_is_saved_answers_as_the_report_says(string train, Pooling pooling)
    {
        (ClassifierOutcome outcome, _) = Run("run", _options with { Train = train, Pooling = pooling, MaxFalsePositiveRate = 0.05 });

        ClassifierEvaluation evaluation = outcome.Evaluation!;
        using TextClassifier classifier = TextClassifier.Load(_folder.File("run"), new TextClassifierOptions { Threads = 1 });
        classifier.Labels.ShouldBe(["ham", "spam"]);
        classifier.Settings.Pooling.ShouldBe(pooling);
        classifier.Settings.Temperature.ShouldBe(evaluation.Temperature);
        classifier.Settings.Threshold.ShouldBe(new ClassThreshold(1, evaluation.Threshold!.Value));
        IReadOnlyList<Inference.Classification.Classification> results = classifier.ClassifyAll([.. evaluation.TestExamples.Select(example => example.Text)]);
        for (int i = 0; i < results.Count; i++)
        {
            ScoredExample example = evaluation.TestExamples[i];
            results[i].Probabilities.ShouldBe(classifier.Settings.Probabilities(example.Logits));
            results[i].Label.ShouldBe(classifier.Labels[evaluation.Decide(example)]);
        }

        File.Exists(Path.Combine(_folder.File("run"), "model.safetensors")).ShouldBe(train != "lora");
        AdapterFolder.IsAt(_folder.File("run")).ShouldBe(train == "lora");
    }

    [Fact]
    public void A_word_that_tells_spam_is_learned()
    {
        string data = _folder.WriteText("more.csv", SpamTexts.Csv(SpamTexts.Make(240)));

        (ClassifierOutcome outcome, _) = Run("run", _options with { Data = data, Pooling = Pooling.Mean, Tuning = _options.Tuning with { Epochs = 12, LearningRate = 1e-2, WeightDecay = 0 } });

        outcome.Evaluation!.Test.Accuracy!.Value.ShouldBeGreaterThan(0.85);
        outcome.Evaluation.Test.Count.ShouldBe(48);
    }

    [Fact]
    public void The_run_is_described_with_every_option_and_begins_again_from_any_folder()
    {
        ClassifierOptions options = _options with
        {
            Model = Path.GetRelativePath(Environment.CurrentDirectory, _options.Model),
            Columns = new LabeledTextOptions { TextColumn = "text", LabelColumn = "1", HasHeader = true, Format = TableFormat.Csv },
            Balance = true,
            ClassWeights = true,
            Pooling = Pooling.Mean,
            MaxLength = 30,
            Train = "lora",
            Adapters = new LoraConfig { Rank = 3, Alpha = 7, Dropout = 0.25f, Targets = ["c_attn", "h.1*"] },
            Positive = "ham",
            MaxFalsePositiveRate = 0.125,
            Tuning = new FineTuningOptions
            {
                Epochs = 3,
                BatchSize = 5,
                LearningRate = 1e-3,
                WarmupShare = 0.2,
                WeightDecay = 0.01,
                GradientClip = 2,
                Dropout = 0.05,
                Seed = ulong.MaxValue,
                Cache = PrefixCache.Disk,
            },
        };
        RunFolder folder = new(_folder.File("run"));
        using (ClassifierTraining.Begin(folder, options, _pool, new Observer()))
        {
        }

        using ClassifierTraining resumed = ClassifierTraining.Resume(folder, _pool, new Observer());

        Path.IsPathFullyQualified(resumed.Options.Model).ShouldBeTrue();
        resumed.Options.Adapters.Targets.ShouldBe(options.Adapters.Targets);
        (resumed.Options with { Model = options.Model, Adapters = options.Adapters }).ShouldBe(options);
        (resumed.Options.Adapters with { Targets = options.Adapters.Targets }).ShouldBe(options.Adapters);
    }

    [Theory]
    [InlineData("all", PrefixCache.Auto)]
    [InlineData("last-1", PrefixCache.Disk)]
    [InlineData("lora", PrefixCache.Memory)]
    public void A_run_that_was_stopped_ends_with_the_same_files_and_the_same_report(string train, PrefixCache cache)
    {
        ClassifierOptions options = _options with
        {
            Train = train,
            ClassWeights = true,
            MaxFalsePositiveRate = 0.1,
            Tuning = _options.Tuning with { Dropout = 0.1, Cache = cache },
            Adapters = new LoraConfig { Rank = 2, Dropout = 0.1f },
        };
        (_, string report) = Run("straight", options);

        string resumed;
        for (int stop = 4; ; stop += 5)
        {
            using CancellationTokenSource source = new();
            Observer observer = new() { Stop = step => { if (step == stop) { source.Cancel(); } } };
            RunFolder folder = new(_folder.File("stopped"));
            using ClassifierTraining training = stop == 4 ? ClassifierTraining.Begin(folder, options, _pool, observer) : ClassifierTraining.Resume(folder, _pool, observer);
            ClassifierOutcome outcome = training.Run(source.Token);
            if (outcome.Evaluation is not null)
            {
                resumed = Report(training, outcome);
                break;
            }

            (outcome.Result.Interrupted, outcome.Result.Steps).ShouldBe((true, stop));
            ClassifierSettings.ArePresent(folder.Path).ShouldBeFalse();
        }

        resumed.ShouldBe(report);
        string[] files = train == "lora" ? ["adapter_model.safetensors", "adapter_config.json"] : ["model.safetensors", "config.json"];
        foreach (string file in (string[])[.. files, "classifier.json", "tokenizer.json"])
        {
            File.ReadAllBytes(Path.Combine(_folder.File("stopped"), file)).ShouldBe(File.ReadAllBytes(Path.Combine(_folder.File("straight"), file)), file);
        }
    }

    [Fact]
    public void Other_data_or_another_model_is_no_way_to_go_on()
    {
        RunFolder folder = new(_folder.File("run"));
        using (ClassifierTraining.Begin(folder, _options, _pool, new Observer()))
        {
        }

        File.AppendAllText(_options.Data, "ham,\"one more\"\n");
        Resumption().ShouldBe($"'{_options.Data}' is not what the run was begun with; restore it, or begin a new run.");
        File.WriteAllText(_options.Data, SpamTexts.Csv(_texts));
        SpamTexts.WriteModel(_options.Model, seed: 2);
        Resumption().ShouldBe($"The weights of '{_options.Model}' are not those that the run was begun with; restore them, or begin a new run.");
        SpamTexts.WriteModel(_options.Model);
        using ClassifierTraining resumed = ClassifierTraining.Resume(folder, _pool, new Observer());

        string Resumption() => Should.Throw<InvalidDataException>(() => ClassifierTraining.Resume(folder, _pool, new Observer())).Message;
    }

    [Fact]
    public void A_description_that_was_damaged_is_told_in_one_sentence()
    {
        RunFolder folder = new(_folder.File("run"));
        using (ClassifierTraining.Begin(folder, _options, _pool, new Observer()))
        {
        }

        byte[] valid = File.ReadAllBytes(folder.FineTuningPath);
        string text = Encoding.UTF8.GetString(valid);
        Random random = new(4);
        IEnumerable<byte[]> damaged =
        [
            .. Enumerable.Range(0, 120).Select(i => valid[..(i * valid.Length / 120)]),
            .. Enumerable.Range(0, 120).Select(_ =>
            {
                byte[] content = [.. valid];
                content[random.Next(content.Length)] = (byte)random.Next(256);
                return content;
            }),
            // Each value replaced by null, by a number and by an object.
            .. Regex.Matches(text, "\"[a-z_]+\": (\"[^\"]*\"|[0-9.e-]+|true|false|null)").SelectMany(match => new[] { "null", "99", "-1", "{}", "[null]" }.Select(value =>
                Encoding.UTF8.GetBytes(text[..match.Groups[1].Index] + value + text[(match.Groups[1].Index + match.Groups[1].Length)..]))),
            .. new[] { "columns", "adapters", "tuning", "options", "targets" }.Select(name => Encoding.UTF8.GetBytes(Regex.Replace(text, $"\"{name}\": [\\[{{]", $"\"{name}\": null, \"x\": $0"))),
        ];
        foreach (byte[] content in damaged)
        {
            File.WriteAllBytes(folder.FineTuningPath, content);
            try
            {
                using ClassifierTraining resumed = ClassifierTraining.Resume(folder, _pool, new Observer());
            }
            catch (Exception e)
            {
                (e is InvalidDataException or IOException).ShouldBeTrue($"{e}\n{Encoding.UTF8.GetString(content)}");
                e.Message.ShouldEndWith(".");
                e.Message.ShouldNotContain('\n');
            }
        }
    }

    [Fact]
    public void A_state_of_another_run_is_refused()
    {
        RunFolder folder = new(_folder.File("run"));
        Run("run", _options);
        Run("longer", _options with { Tuning = _options.Tuning with { Epochs = 3 } });
        File.Copy(Path.Combine(_folder.File("longer"), "state", "last.safetensors"), folder.StatePath, overwrite: true);

        using (ClassifierTraining resumed = ClassifierTraining.Resume(folder, _pool, new Observer()))
        {
            Should.Throw<InvalidDataException>(() => resumed.Run()).Message.ShouldContain("of another run");
        }

        File.WriteAllBytes(folder.StatePath, File.ReadAllBytes(folder.StatePath)[..500]);
        using ClassifierTraining damaged = ClassifierTraining.Resume(folder, _pool, new Observer());
        Should.Throw<InvalidDataException>(() => damaged.Run()).Message.ShouldEndWith(".");
    }

    [Fact]
    public void The_test_part_changes_no_weight()
    {
        (ClassifierOutcome outcome, _) = Run("run", _options);
        HashSet<string> test = [.. outcome.Evaluation!.TestExamples.Select(example => example.Text)];
        // Two neighbours of the test part whose labels differ change them: each class then has the same places, so the parts stay.
        int first = Enumerable.Range(0, _texts.Length - 1).First(i => test.Contains(_texts[i].Text) && test.Contains(_texts[i + 1].Text) && _texts[i].Label != _texts[i + 1].Label);
        (string Label, string Text)[] changed = [.. _texts.Select(text => test.Contains(text.Text) ? (text.Label, $"{text.Text}, said differently WIN") : text)];
        (changed[first].Label, changed[first + 1].Label) = (changed[first + 1].Label, changed[first].Label);

        (ClassifierOutcome other, _) = Run("other", _options with { Data = _folder.WriteText("changed.csv", SpamTexts.Csv(changed)) });

        File.ReadAllBytes(Path.Combine(_folder.File("other"), "model.safetensors")).ShouldBe(File.ReadAllBytes(Path.Combine(_folder.File("run"), "model.safetensors")));
        File.ReadAllBytes(Path.Combine(_folder.File("other"), "classifier.json")).ShouldBe(File.ReadAllBytes(Path.Combine(_folder.File("run"), "classifier.json")));
        other.Evaluation!.Test.LogLoss.ShouldNotBe(outcome.Evaluation.Test.LogLoss);
    }

    [Fact]
    public void Class_weights_change_what_is_learned_and_balance_changes_the_parts()
    {
        using ClassifierTraining plain = Begin("plain", _options), balanced = Begin("balanced", _options with { Balance = true });
        plain.Split.TrainingCounts.ShouldBe([42, 21]);
        balanced.Split.TrainingCounts.ShouldBe([21, 21]);

        double[] Losses(string name, ClassifierOptions options) => [.. Run(name, options).Outcome.Result.Records.OfType<StepRecord>().Select(record => record.Loss)];
        Losses("weighted", _options with { ClassWeights = true }).ShouldNotBe(Losses("unweighted", _options));
    }

    [Theory]
    [InlineData(null, 1)]
    [InlineData("ham", 0)]
    public void The_rarer_of_two_classes_is_looked_for_where_none_is_named(string? positive, int expected)
    {
        using ClassifierTraining training = Begin("run", _options with { Positive = positive });
        training.PositiveClass.ShouldBe(expected);
    }

    [Fact]
    public void Long_texts_are_cut_and_counted_or_refused()
    {
        int longer = _texts.Count(text => SmallBytePairs.Tokenizer.Encode(text.Text).Length > 20);
        using (ClassifierTraining training = Begin("cut", _options with { MaxLength = 20 }))
        {
            training.TruncatedTexts.ShouldBe(longer);
            training.MaxLength.ShouldBe(20);
        }

        Refusal(_options with { MaxLength = 20, RefuseLong = true })
            .ShouldBe($"{longer} of the texts in '{_options.Data}' have more than 20 tokens; shorten them, or leave out --too-long refuse to cut them.");
        using ClassifierTraining padded = Begin("padded", _options with { Pooling = Pooling.LastPosition });
        padded.MaxLength.ShouldBe(padded.Split.Training.Max(text => SmallBytePairs.Tokenizer.Encode(text.Text).Length));
    }

    [Fact]
    public void What_can_not_be_used_is_one_sentence_and_leaves_no_folder()
    {
        Refusal(_options with { Positive = "eggs" }).ShouldBe("--positive is 'eggs', which is none of the labels (ham, spam); choose one of them.");
        Refusal(_options with { MaxLength = 49 }).ShouldBe("--max-length is 49; the model reads at most 48 tokens.");
        Refusal(_options with { MaxLength = 0 }).ShouldBe("--max-length is 0; it must be at least 1.");
        Refusal(_options with { MaxFalsePositiveRate = 1.5 }).ShouldBe("--max-false-positive-rate is 1.5; it must lie between 0 and 1.");
        Refusal(_options with { MaxFalsePositiveRate = double.NaN }).ShouldContain("--max-false-positive-rate");
        Refusal(_options with { Train = "most" }).ShouldStartWith("--train is 'most'; it must be head");
        Refusal(_options with { Train = "last-3" }).ShouldContain("the model has 2 blocks");
        Refusal(_options with { Train = "lora", Adapters = new LoraConfig { Rank = 0 } }).ShouldContain("rank is 0");
        Refusal(_options with { Train = "lora", Adapters = new LoraConfig { Targets = ["nothing"] } }).ShouldContain("nothing");
        Refusal(_options with { Tuning = _options.Tuning with { Epochs = 0 } }).ShouldContain("--epochs is 0");
        Refusal(_options with { Pooling = (Pooling)9 }).ShouldContain("--pooling is 9");
        Refusal(_options with { Tuning = _options.Tuning with { Cache = (PrefixCache)9 } }).ShouldContain("--cache is 9");
        Refusal(_options with { Data = _folder.WriteText("three.csv", SpamTexts.Csv([.. _texts, .. _texts.Select(text => ("eggs", text.Text))])), MaxFalsePositiveRate = 0.1 })
            .ShouldContain("name it with --positive");
        File.Delete(Path.Combine(_options.Model, "tokenizer.json"));
        File.Delete(Path.Combine(_options.Model, "vocab.json"));
        Refusal(_options).ShouldContain("has no tokenizer");
    }

    private ClassifierTraining Begin(string name, ClassifierOptions options) => ClassifierTraining.Begin(new RunFolder(_folder.File(name)), options, _pool, new Observer());

    private string Refusal(ClassifierOptions options)
    {
        string message = Should.Throw<InvalidDataException>(() => Begin("refused", options)).Message;
        message.ShouldEndWith(".");
        Directory.Exists(_folder.File("refused")).ShouldBeFalse();
        return message;
    }

    private (ClassifierOutcome Outcome, string Report) Run(string name, ClassifierOptions options)
    {
        using ClassifierTraining training = Begin(name, options);
        ClassifierOutcome outcome = training.Run();
        outcome.Result.Interrupted.ShouldBeFalse();
        return (outcome, Report(training, outcome));
    }

    /// <summary>The report as JSON, without its times.</summary>
    private static string Report(ClassifierTraining training, ClassifierOutcome outcome)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            ReportJson.Write(writer, ReportOfRun.Make(training, outcome));
        }

        return Regex.Replace(Encoding.UTF8.GetString(stream.ToArray()), "(seconds|_second|epoch_speedup)\": [^,\n]*", "$1\": 0");
    }

    private sealed class Observer : IFineTuningObserver
    {
        public Action<long>? Stop { get; init; }

        public void Precomputed(int done, int count)
        {
        }

        public void StepDone(StepRecord record, long steps) => Stop?.Invoke(record.Step);

        public void Evaluated(EvaluationRecord record, bool isBest)
        {
        }
    }
}
