using Quatrain.Inference.Classification;
using Quatrain.Models;
using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Classification;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Classification;

public sealed class TextClassifierTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Saved => _folder.File("classifier");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Pooling.LastToken)]
    [InlineData(Pooling.LastPosition)]
    [InlineData(Pooling.Mean)]
    public void Many_texts_get_what_each_gets_alone_from_the_classifier_in_memory(Pooling pooling)
    {
        ClassifierSettings settings = SmallClassifier.Settings with { Pooling = pooling };
        // More than one batch, and texts longer than the classifier reads.
        string[] texts = SmallClassifier.Texts(300);
        using Gpt2Classifier memory = SmallClassifier.Create(settings);
        using TextClassifier classifier = TextClassifier.Load(SmallClassifier.Write(Saved, settings), new TextClassifierOptions { Threads = 2 });

        IReadOnlyList<Inference.Classification.Classification> all = classifier.ClassifyAll(texts);

        all.Count.ShouldBe(texts.Length);
        for (int i = 0; i < texts.Length; i++)
        {
            int[] ids = SmallBytePairs.Tokenizer.Encode(texts[i]);
            double[] expected = settings.Probabilities(Logits(memory, settings, texts[i]));
            all[i].Probabilities.ShouldBe(expected, texts[i]);
            all[i].IsTruncated.ShouldBe(ids.Length > settings.MaxLength);
            all[i].Probability.ShouldBe(expected.Max());
            all[i].Label.ShouldBe(settings.Labels[Array.IndexOf(expected, expected.Max())]);
            if (i % 10 == 0)
            {
                ShouldBeSame(classifier.Classify(texts[i]), all[i]);
            }
        }

        all.Count(result => result.IsTruncated).ShouldBeInRange(50, 250);
        all.Select(result => result.Probability).Distinct().Count().ShouldBeGreaterThan(200);
        classifier.ClassifyAll([]).ShouldBeEmpty();
    }

    [Fact]
    public void Threads_that_use_it_together_get_what_one_after_the_other_gets()
    {
        string[] texts = SmallClassifier.Texts(64, seed: 2);
        using TextClassifier classifier = TextClassifier.Load(SmallClassifier.Write(Saved), new TextClassifierOptions { Threads = 2 });
        IReadOnlyList<Inference.Classification.Classification> expected = classifier.ClassifyAll(texts);

        List<Exception> errors = [];
        using Barrier barrier = new(6);
        Thread[] threads = [.. Enumerable.Range(0, 6).Select(number => new Thread(() => Use(number)))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        errors.ShouldBeEmpty();

        void Use(int number)
        {
            try
            {
                barrier.SignalAndWait();
                for (int round = 0; round < 5; round++)
                {
                    IReadOnlyList<Inference.Classification.Classification> results = number % 2 == 0 ? classifier.ClassifyAll(texts) : [.. texts.Select(classifier.Classify)];
                    for (int i = 0; i < texts.Length; i++)
                    {
                        ShouldBeSame(results[i], expected[i]);
                    }
                }
            }
            catch (Exception e)
            {
                lock (errors)
                {
                    errors.Add(e);
                }
            }
        }
    }

    [Fact]
    public void After_its_end_it_answers_no_more()
    {
        TextClassifier classifier = TextClassifier.Load(SmallClassifier.Write(Saved));
        classifier.Dispose();
        classifier.Dispose();

        Should.Throw<ObjectDisposedException>(() => classifier.Classify("a"));
        Should.Throw<ObjectDisposedException>(() => classifier.ClassifyAll([]));
    }

    [Fact]
    public void A_caller_that_cancels_gets_no_result()
    {
        using TextClassifier classifier = TextClassifier.Load(SmallClassifier.Write(Saved));
        Should.Throw<OperationCanceledException>(() => classifier.ClassifyAll(["a"], new CancellationToken(canceled: true)));
        classifier.Classify("a").Label.ShouldNotBeEmpty();
    }

    [Theory]
    [InlineData(WeightFormat.BFloat16, 0.05)]
    [InlineData(WeightFormat.Int8, 0.05)]
    [InlineData(WeightFormat.Float32, 0)]
    public void Other_weights_give_about_the_same_probabilities(WeightFormat format, double tolerance)
    {
        // Int8 blocks have 32 numbers, so the model is wider.
        Write32Wide();
        string[] texts = SmallClassifier.Texts(40, seed: 3);
        using TextClassifier own = TextClassifier.Load(Saved), other = TextClassifier.Load(Saved, new TextClassifierOptions { Weights = format, Threads = 1 });

        double largest = own.ClassifyAll(texts).Zip(other.ClassifyAll(texts), (a, b) => a.Probabilities.Zip(b.Probabilities, (p, q) => Math.Abs(p - q)).Max()).Max();

        largest.ShouldBeInRange(tolerance > 0 ? 1e-9 : 0, tolerance);
    }

    [Fact]
    public void A_text_that_can_not_be_encoded_is_told_by_its_number_or_by_the_callers_name()
    {
        SmallClassifier.Write(Saved);
        using TextClassifier classifier = TextClassifier.Load(Saved);
        // Half of a surrogate pair, which no tokenizer has.
        string[] texts = ["a", "b", "c\ud800", "d\ud800"];

        string plain = Should.Throw<InvalidDataException>(() => classifier.Classify(texts[2])).Message;

        plain.ShouldContain("surrogate");
        Should.Throw<InvalidDataException>(() => classifier.ClassifyAll([texts[2]])).Message.ShouldBe(plain);
        Should.Throw<InvalidDataException>(() => classifier.ClassifyAll(texts)).Message.ShouldBe($"Text 3 of 4 can't be encoded: {plain}");
        Should.Throw<InvalidDataException>(() => classifier.ClassifyAll(texts, i => $"Row {10 * i}")).Message.ShouldBe($"Row 20 can't be encoded: {plain}");
    }

    [Fact]
    public void A_threshold_of_the_callers_replaces_the_trainings()
    {
        ClassifierSettings settings = SmallClassifier.Settings with { Threshold = new ClassThreshold(1, 1.0000000000000002) };
        SmallClassifier.Write(Saved, settings);
        string[] texts = SmallClassifier.Texts(50);
        using TextClassifier own = TextClassifier.Load(Saved);
        double median = own.ClassifyAll(texts).Select(result => result.Probabilities[1]).Order().ElementAt(25);

        string[] Labels(double? threshold)
        {
            using TextClassifier classifier = TextClassifier.Load(Saved, new TextClassifierOptions { Threshold = threshold });
            return [.. classifier.ClassifyAll(texts).Select(result => result.Label)];
        }

        Labels(null).ShouldNotContain("spam");
        Labels(double.Epsilon).ShouldAllBe(label => label == "spam");
        Labels(median).Count(label => label == "spam").ShouldBe(25);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void A_threshold_that_is_no_probability_is_refused(double threshold)
    {
        SmallClassifier.Write(Saved, SmallClassifier.Settings with { Threshold = new ClassThreshold(1, 0.5) });
        Refusal(new TextClassifierOptions { Threshold = threshold }).ShouldContain("; it must be a probability above 0 and below 1.");
    }

    [Theory]
    [InlineData(0, "good", "bad")]
    [InlineData(1, "bad", "good")]
    public void Of_two_classes_the_one_that_is_looked_for_is_chosen_from_the_threshold_on(int positive, string wanted, string other)
    {
        ClassifierSettings settings = SmallClassifier.Settings with { Labels = ["good", "bad"], PositiveClass = positive };
        SmallClassifier.Write(Saved, settings);
        string[] texts = SmallClassifier.Texts(60);
        using TextClassifier plain = TextClassifier.Load(Saved);
        IReadOnlyList<Inference.Classification.Classification> likeliest = plain.ClassifyAll(texts);
        likeliest.ShouldAllBe(result => result.Probability >= 0.5);
        foreach (double threshold in likeliest.Select(result => result.Probabilities[positive]).Order().Where((_, i) => i % 10 == 5))
        {
            using TextClassifier classifier = TextClassifier.Load(Saved, new TextClassifierOptions { Threshold = threshold });

            IReadOnlyList<Inference.Classification.Classification> results = classifier.ClassifyAll(texts);

            classifier.Settings.Threshold.ShouldBe(new ClassThreshold(positive, threshold));
            results.Select(result => result.Label).ShouldBe(likeliest.Select(result => result.Probabilities[positive] >= threshold ? wanted : other));
            // The very threshold is enough.
            results.ShouldContain(result => result.Label == wanted && result.Probability == threshold);
        }
    }

    [Fact]
    public void A_threshold_needs_a_class_that_it_is_for()
    {
        SmallClassifier.Write(Saved);
        Refusal(new TextClassifierOptions { Threshold = 0.5 }).ShouldBe(
            $"The classifier in '{Saved}' tells 3 classes apart, and none of them has a threshold; leave it out, or make a classifier with quatrain finetune classify, --positive and --max-false-positive-rate.");
        SmallClassifier.Write(Saved, SmallClassifier.Settings with { PositiveClass = 1 });
        Refusal(new TextClassifierOptions { Threshold = 0.5 }).ShouldContain("tells 3 classes apart");
        SmallClassifier.Write(Saved, SmallClassifier.Settings with { Labels = ["good", "bad"] });
        Refusal(new TextClassifierOptions { Threshold = 0.5 }).ShouldBe(
            $"The classifier.json in '{Saved}' does not say which class a threshold is for; add \"positive_label\" to it with one of the two labels, good or bad.");
    }

    [Fact]
    public void Adapters_beside_their_base_give_the_probabilities_of_memory()
    {
        ClassifierSettings settings = SmallClassifier.Settings;
        using Gpt2Classifier memory = SmallClassifier.Create(settings);
        string baseModel = _folder.File("base");
        Gpt2Checkpoint.Save(baseModel, memory.Model);
        SmallClassifier.WriteTokenizer(baseModel);
        using LoraAdapters adapters = new(memory.Model, new LoraConfig { Rank = 2, Targets = ["c_attn", "mlp.*"] }, 3);
        RandomSource random = new(4);
        foreach (LoraAdapter adapter in adapters.Adapters)
        {
            foreach (ref float weight in adapter.B.Values)
            {
                weight = (float)(0.2 * random.NextNormal());
            }
        }

        AdapterFolder.Save(
            Saved, adapters, baseModel, AdapterTask.SequenceClassification, [new SafetensorsTensor(Gpt2Classifier.HeadName, [3, 16], () => memory.Head.Values)]);
        settings.Write(Saved);
        double[] plain = settings.Probabilities(Logits(memory, settings, "the quick"));
        adapters.Attach(memory.Model);
        double[] expected = settings.Probabilities(Logits(memory, settings, "the quick"));
        expected.ShouldNotBe(plain);

        // The tokenizer is the base's.
        using (TextClassifier classifier = TextClassifier.Load(Saved))
        {
            classifier.Classify("the quick").Probabilities.ShouldBe(expected);
        }

        Directory.Move(baseModel, _folder.File("moved"));
        Should.Throw<FileNotFoundException>(() => TextClassifier.Load(Saved)).Message.ShouldContain("name it with --base");
        using TextClassifier moved = TextClassifier.Load(Saved, new TextClassifierOptions { BaseModel = _folder.File("moved") });
        moved.Classify("the quick").Probabilities.ShouldBe(expected);
    }

    [Fact]
    public void Folders_that_are_no_classifier_are_told_in_one_sentence()
    {
        Refusal().ShouldStartWith($"There is no folder '{Saved}'");
        using Gpt2Model model = RandomModel.Create(8, 20);
        Gpt2Checkpoint.Save(Saved, model);
        Refusal().ShouldStartWith($"'{Saved}' is no classifier");
        SmallClassifier.Settings.Write(Saved);
        Refusal().ShouldStartWith($"'{Saved}' has no tokenizer");
        SmallClassifier.Write(Saved);
        Refusal(new TextClassifierOptions { BaseModel = "gpt2" }).ShouldContain("which is no adapter");
    }

    [Theory]
    [InlineData(41, 3, 2, "reads 41 tokens and its model only 40")]
    [InlineData(24, 267, 3, "pads with token 267 and its model has only 267")]
    [InlineData(24, 3, 4, "'score.weight'")]
    public void Settings_of_another_model_are_refused(int maxLength, int padId, int labels, string problem)
    {
        ClassifierSettings settings = SmallClassifier.Settings;
        SmallClassifier.Write(Saved, settings with { Labels = [.. Enumerable.Range(0, labels == 4 ? 3 : labels).Select(i => $"{i}")] });
        (settings with { MaxLength = maxLength, PadId = padId, Labels = [.. Enumerable.Range(0, labels).Select(i => $"{i}")] }).Write(Saved);

        Refusal().ShouldContain(problem);
    }

    [Fact]
    public void A_text_that_the_tokenizer_has_no_token_for_is_told_in_one_sentence()
    {
        SmallClassifier.Write(Saved);
        CharacterTokenizer characters = CharacterTokenizer.FromText("abc");
        AtomicFile.Write(Path.Combine(Saved, TokenizerFile.FileName), stream => stream.Write(characters.ToJson()));
        using TextClassifier classifier = TextClassifier.Load(Saved);

        Should.Throw<InvalidDataException>(() => classifier.Classify("abz")).Message.ShouldStartWith("The character 'z'");
        classifier.Classify("abc").IsTruncated.ShouldBeFalse();
    }

    private static float[] Logits(Gpt2Classifier classifier, ClassifierSettings settings, string text)
    {
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        TextEncoder encoder = new(SmallBytePairs.Tokenizer, settings.Pooling, settings.MaxLength, settings.PadId);
        return classifier.Logits(tape, new PaddedBatch([encoder.Encode(text).Ids], settings.PadId)).Values.ToArray();
    }

    private static void ShouldBeSame(Inference.Classification.Classification result, Inference.Classification.Classification expected)
    {
        result.Probabilities.ShouldBe(expected.Probabilities);
        (result with { Probabilities = expected.Probabilities }).ShouldBe(expected);
    }

    private void Write32Wide()
    {
        Gpt2Model model = new(new Gpt2Config { LayerCount = 2, HeadCount = 2, EmbeddingSize = 32, ContextLength = 40, VocabularySize = SmallBytePairs.Tokenizer.VocabularySize });
        Gpt2Initialization.Initialize(model, InitializationScheme.NanoGpt, 1);
        using Gpt2Classifier classifier = new(model, 3, Pooling.Mean);
        RandomSource random = new(2);
        foreach (ref float weight in classifier.Head.Values)
        {
            weight = (float)(0.3 * random.NextNormal());
        }

        Gpt2ClassifierCheckpoint.Save(Saved, classifier, SmallClassifier.Settings.Labels, SmallBytePairs.EndOfTextId);
        SmallClassifier.WriteTokenizer(Saved);
        (SmallClassifier.Settings with { Pooling = Pooling.Mean }).Write(Saved);
    }

    private string Refusal(TextClassifierOptions? options = null)
    {
        string message = Should.Throw<InvalidDataException>(() => TextClassifier.Load(Saved, options)).Message;
        message.ShouldEndWith(".");
        message.ShouldNotContain('\n');
        return message;
    }
}
