using System.Text.Json;
using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Classification;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Adapters;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Classification;

public sealed class Gpt2ClassifierCheckpointTests : IDisposable
{
    private static readonly string[] Labels = ["ham", "spam \"quoted\"", "Überraschung"];

    private readonly TemporaryFolder _folder = new();
    private readonly WorkerPool _pool = new(2);

    private string Saved => _folder.File("classifier");

    private string WeightsPath => Path.Combine(Saved, ModelFolder.WeightsFileName);

    public void Dispose()
    {
        _pool.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(Pooling.LastToken)]
    [InlineData(Pooling.LastPosition)]
    [InlineData(Pooling.Mean)]
    public void What_is_saved_gives_the_same_scores_again_to_the_bit(Pooling pooling)
    {
        float[] logits = Save(pooling);

        using Gpt2Classifier mapped = Map(pooling);

        mapped.ClassCount.ShouldBe(TestClassifiers.Classes);
        TestClassifiers.Logits(mapped, _pool).ShouldBe(logits);
    }

    [Theory]
    [InlineData(WeightFormat.BFloat16, 0.2)]
    [InlineData(WeightFormat.Float32, 0)]
    public void Weights_of_another_format_give_about_the_same_scores_and_the_head_stays(WeightFormat format, double tolerance)
    {
        float[] logits = Save(Pooling.Mean);
        using Gpt2Classifier classifier = TestClassifiers.Random(Pooling.Mean);

        using Gpt2Classifier mapped = Map(Pooling.Mean, format);

        mapped.Head.Values.ToArray().ShouldBe(classifier.Head.Values.ToArray());
        double difference = Differences.Largest(TestClassifiers.Logits(mapped, _pool), logits);
        difference.ShouldBeInRange(0, tolerance);
        (difference > 0).ShouldBe(tolerance > 0);
    }

    [Fact]
    public void The_configuration_is_that_of_a_sequence_classifier_of_transformers()
    {
        Save(Pooling.LastToken);

        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Saved, ModelFolder.ConfigFileName)));
        JsonElement config = document.RootElement;
        config.GetProperty("architectures").EnumerateArray().ShouldHaveSingleItem().GetString().ShouldBe("GPT2ForSequenceClassification");
        config.GetProperty("model_type").GetString().ShouldBe("gpt2");
        config.GetProperty("pad_token_id").GetInt32().ShouldBe(TestClassifiers.PadId);
        config.GetProperty("id2label").EnumerateObject().Select(entry => (entry.Name, entry.Value.GetString()!)).ShouldBe(Labels.Select((label, id) => ($"{id}", label)));
        config.GetProperty("label2id").EnumerateObject().Select(entry => (entry.Name, entry.Value.GetInt32())).ShouldBe(Labels.Select((label, id) => (label, id)));
        using SafetensorsFile file = SafetensorsFile.Open(WeightsPath);
        file.TryGet(Gpt2Classifier.HeadName, out SafetensorsEntry? head).ShouldBeTrue();
        head!.Shape.ShouldBe([3, 12]);
        file.TryGet("transformer.wte.weight", out _).ShouldBeTrue();
        file.Metadata["format"].ShouldBe("pt");
    }

    [Fact]
    public void The_folder_of_a_classifier_is_a_language_model_too()
    {
        Save(Pooling.Mean);
        using Gpt2Model model = TestModels.Random(TestModels.Config, 5);
        int[] tokens = TestAdapters.Tokens(model);

        using ILanguageModel loaded = ModelFile.Load(Saved), mapped = ModelFile.Map(Saved, null, _pool);

        float[] logits = TestAdapters.Logits(model, _pool, tokens, 2);
        TestAdapters.Logits(loaded, _pool, tokens, 2).ShouldBe(logits);
        TestAdapters.Logits(mapped, _pool, tokens, 2).ShouldBe(logits);
    }

    [Fact]
    public void A_language_model_is_no_classifier()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        Gpt2Checkpoint.Save(Saved, model);

        Refusal().ShouldBe($"'{WeightsPath}' has no 'score.weight', so it is no classifier; make one with quatrain finetune classify.");
    }

    [Fact]
    public void A_head_of_other_classes_is_refused()
    {
        Save(Pooling.Mean);

        Refusal(classes: 4).ShouldBe(
            $"'{WeightsPath}' can't be used: its 'score.weight' is [3, 12] of F32, not [4, 12] of floats; use the files that one run of quatrain finetune classify left.");
    }

    [Fact]
    public void A_head_that_is_no_number_is_refused()
    {
        Save(Pooling.Mean);
        // The head is the last tensor: its last float ends the file.
        using (FileStream stream = File.OpenWrite(WeightsPath))
        {
            stream.Position = stream.Length - sizeof(float);
            stream.Write(BitConverter.GetBytes(float.NaN));
        }

        Refusal().ShouldMatch(@"score\.weight.*NaN");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_has_diverged_is_not_saved_and_what_was_there_stays(bool inHead)
    {
        float[] logits = Save(Pooling.Mean);
        using Gpt2Classifier diverged = TestClassifiers.Random(Pooling.Mean, seed: 6);
        (inHead ? diverged.Head : diverged.Model.Parameters.Parameters[3].Tensor).Values[2] = float.NaN;

        Should.Throw<InvalidDataException>(() => Gpt2ClassifierCheckpoint.Save(Saved, diverged, Labels, TestClassifiers.PadId)).Message.ShouldContain("NaN");

        using Gpt2Classifier mapped = Map(Pooling.Mean);
        TestClassifiers.Logits(mapped, _pool).ShouldBe(logits);
    }

    [Fact]
    public void Every_class_needs_a_label()
    {
        using Gpt2Classifier classifier = TestClassifiers.Random(Pooling.Mean);
        Should.Throw<ArgumentException>(() => Gpt2ClassifierCheckpoint.Save(Saved, classifier, ["a", "b"], 0));
        Directory.Exists(Saved).ShouldBeFalse();
    }

    [Fact]
    public void Adapters_and_a_head_beside_their_base_give_the_scores_of_memory()
    {
        using Gpt2Classifier classifier = TestClassifiers.Random(Pooling.LastToken);
        float[] plain = TestClassifiers.Logits(classifier, _pool);
        using LoraAdapters adapters = SaveAdapter(classifier, withHead: true);
        float[] logits = TestClassifiers.Logits(classifier, _pool);
        logits.ShouldNotBe(plain);

        using (Gpt2Classifier mapped = Map(Pooling.LastToken))
        {
            TestClassifiers.Logits(mapped, _pool).ShouldBe(logits);
        }

        Directory.Move(_folder.File("base"), _folder.File("moved"));
        Should.Throw<FileNotFoundException>(() => Map(Pooling.LastToken)).Message.ShouldContain("--base");
        using Gpt2Classifier moved = Gpt2ClassifierCheckpoint.Map(Saved, 3, Pooling.LastToken, null, _pool, baseModel: _folder.File("moved"));
        TestClassifiers.Logits(moved, _pool).ShouldBe(logits);
        Should.Throw<InvalidDataException>(() => Gpt2ClassifierCheckpoint.Map(Saved, 5, Pooling.Mean, null, _pool, baseModel: _folder.File("moved")))
            .Message.ShouldContain("'score.weight' is F32 [3, 12], not floats [5, 12]");
    }

    [Fact]
    public void Adapters_of_a_language_model_are_no_classifier()
    {
        using Gpt2Classifier classifier = TestClassifiers.Random(Pooling.LastToken);
        using LoraAdapters adapters = SaveAdapter(classifier, withHead: false);

        Refusal().ShouldContain("it lacks 'score.weight'");
    }

    [Fact]
    public void A_base_is_for_adapters_alone()
    {
        Save(Pooling.Mean);

        Should.Throw<InvalidDataException>(() => Gpt2ClassifierCheckpoint.Map(Saved, 3, Pooling.Mean, null, _pool, baseModel: "gpt2"))
            .Message.ShouldBe($"A base, 'gpt2', is given for '{Saved}', which is no adapter; leave it out.");
    }

    [Fact]
    public void Damaged_weights_end_in_a_sentence_or_in_numbers()
    {
        Save(Pooling.Mean);
        byte[] valid = File.ReadAllBytes(WeightsPath);
        Random random = new(8);
        for (int i = 0; i < 300; i++)
        {
            byte[] content = Hostility.Damage(valid, random);
            File.WriteAllBytes(WeightsPath, content);
            Hostility.Survives(content, 8 << 20, () =>
            {
                using Gpt2Classifier mapped = Map(Pooling.Mean);
                TestClassifiers.Logits(mapped, _pool);
            });
        }
    }

    private float[] Save(Pooling pooling)
    {
        using Gpt2Classifier classifier = TestClassifiers.Random(pooling);
        Gpt2ClassifierCheckpoint.Save(Saved, classifier, Labels, TestClassifiers.PadId);
        return TestClassifiers.Logits(classifier, _pool);
    }

    private LoraAdapters SaveAdapter(Gpt2Classifier classifier, bool withHead)
    {
        Gpt2Checkpoint.Save(_folder.File("base"), classifier.Model);
        LoraAdapters adapters = TestAdapters.Random(classifier.Model, TestAdapters.AllLayers);
        AdapterFolder.Save(
            Saved, adapters, _folder.File("base"), AdapterTask.SequenceClassification,
            withHead ? [new SafetensorsTensor(Gpt2Classifier.HeadName, [3, 12], () => classifier.Head.Values)] : null);
        adapters.Attach(classifier.Model);
        return adapters;
    }

    private Gpt2Classifier Map(Pooling pooling, WeightFormat? format = null) => Gpt2ClassifierCheckpoint.Map(Saved, TestClassifiers.Classes, pooling, format, _pool);

    private string Refusal(int classes = TestClassifiers.Classes)
    {
        string message = Should.Throw<InvalidDataException>(() => Gpt2ClassifierCheckpoint.Map(Saved, classes, Pooling.Mean, null, _pool)).Message;
        message.ShouldEndWith(".");
        return message;
    }
}
