using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Adapters;

public sealed class AdapterFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly WorkerPool _pool = new(2);

    private string Adapter => _folder.File("adapter");

    private string WeightsPath => Path.Combine(Adapter, AdapterFolder.WeightsFileName);

    public void Dispose()
    {
        _pool.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("peft-lora", "logits")]
    [InlineData("peft-lora-bin", "logits/bin")]
    public void Adapters_as_PEFT_saves_them_give_the_logits_of_PyTorch(string name, string logits)
    {
        FixtureFile fixture = FixtureFile.Open("lora");
        using ILanguageModel model = ModelFile.Load(ImportFixtures.Path(name)), mapped = ModelFile.Map(ImportFixtures.Path(name), null, _pool);
        using Gpt2Source merged = AdapterFolder.OpenMerged(ImportFixtures.Path(name));
        int[] tokens = fixture.Ints("tokens");

        float[] actual = TestAdapters.Logits(model, _pool, tokens, 3);

        Differences.Largest(actual, fixture.Floats(logits)).ShouldBeLessThan(1e-5);
        TestAdapters.Logits(mapped, _pool, tokens, 3).ShouldBe(actual);
        Differences.Largest(actual, fixture.Floats("logits/base")).ShouldBeGreaterThan(0.1);
    }

    [Fact]
    public void What_is_saved_is_loaded_again_to_the_bit()
    {
        using Gpt2Model model = SaveBase();
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers with { Targets = ["c_attn", "h.1.mlp.*"], Dropout = 0.1f });
        AdapterFolder.Save(Adapter, adapters, _folder.File("base"));
        adapters.Attach(model);
        int[] tokens = TestAdapters.Tokens(model);

        using ILanguageModel loaded = ModelFile.Load(Adapter);

        TestAdapters.Logits(loaded, _pool, tokens, 2).ShouldBe(TestAdapters.Logits(model, _pool, tokens, 2));
        LoraAdapters read = ((Gpt2Model)loaded).Adapters!;
        read.Parameters.Parameters.Select(parameter => (parameter.Name, string.Join(',', parameter.Tensor.Values.ToArray())))
            .ShouldBe(adapters.Parameters.Parameters.Select(parameter => (parameter.Name, string.Join(',', parameter.Tensor.Values.ToArray()))));
        read.Config.Targets.ShouldBe(["attn.c_attn", "h.1.mlp.c_fc", "h.1.mlp.c_proj"]);
        (read.Config with { Targets = [] }).ShouldBe(adapters.Config with { Targets = [] });
        using SafetensorsFile file = SafetensorsFile.Open(WeightsPath);
        file.Entries[0].Name.ShouldBe("base_model.model.transformer.h.0.attn.c_attn.lora_A.weight");
        file.Entries[0].Shape.ShouldBe([3, 12]);
        file.Entries[1].Name.ShouldBe("base_model.model.transformer.h.0.attn.c_attn.lora_B.weight");
        file.Entries[1].Shape.ShouldBe([36, 3]);
        file.Metadata["format"].ShouldBe("pt");
    }

    [Theory]
    [InlineData("hf-f32")]
    [InlineData("tiny-f32.gguf")]
    [InlineData("torch-nanogpt/ckpt.pt")]
    [InlineData("tensorflow")]
    public void A_base_of_any_format_is_merged_as_it_is_read_with_the_bits_of_memory(string name)
    {
        using Gpt2Model model = Gpt2Checkpoint.Load(ImportFixtures.Path(name));
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        AdapterFolder.Save(Adapter, adapters, ImportFixtures.Path(name));
        adapters.MergeInto(model);

        using Gpt2Source source = AdapterFolder.OpenMerged(Adapter);

        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            float[] merged = new float[parameter.Tensor.Shape.ElementCount];
            source.ReadWeight(parameter.Name, merged);
            merged.ShouldBe(parameter.Tensor.Values.ToArray(), parameter.Name);
        }
    }

    [Fact]
    public void Tensors_of_other_layers_travel_along()
    {
        using Gpt2Model model = SaveBase();
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        AdapterFolder.Save(Adapter, adapters, _folder.File("base"), AdapterTask.SequenceClassification, [new SafetensorsTensor("score.weight", [2, 3], new float[] { 1, 2, 3, 4, 5, 6 })]);

        using (AdapterSource source = AdapterSource.Open(Adapter))
        {
            source.Description.Task.ShouldBe(AdapterTask.SequenceClassification);
            source.Description.SavedModules.ShouldBe(["score"]);
            source.Others.Keys.ShouldBe(["score.weight"]);
            float[] score = new float[6];
            source.ReadOther("score.weight", [2, 3], score);
            score.ShouldBe([1, 2, 3, 4, 5, 6]);
            source.Read(model.LinearLayers).Dispose();
            Should.Throw<InvalidDataException>(() => source.ReadOther("score.weight", [3, 2], score)).Message.ShouldContain("'score.weight' is F32 [2, 3], not floats [3, 2]");
            Should.Throw<InvalidDataException>(() => source.ReadOther("score.bias", [2], score)).Message.ShouldContain("lacks 'score.bias'");
        }

        Should.Throw<InvalidDataException>(() => ModelFile.Load(Adapter)).Message.ShouldContain("(score.weight)");
        Should.Throw<InvalidDataException>(() => AdapterFolder.OpenMerged(Adapter)).Message.ShouldContain("no language model");
        SafetensorsFile.Open(WeightsPath).Dispose();
    }

    [Fact]
    public void The_base_is_found_as_a_path_beside_the_adapter_or_where_it_is_given()
    {
        using Gpt2Model model = SaveBase();
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        AdapterFolder.Save(Adapter, adapters, _folder.File("base"));
        AdapterFolder.FindBase(Adapter).ShouldBe(_folder.File("base"));
        AdapterFolder.FindBase(_folder.File("base")).ShouldBeNull();
        Directory.Move(_folder.File("base"), _folder.File("moved"));

        Should.Throw<FileNotFoundException>(() => ModelFile.Load(Adapter)).Message.ShouldContain("name it with --base");
        ModelFile.Load(Adapter, baseModel: _folder.File("moved")).Dispose();
        AdapterFolder.Save(Adapter, adapters, "../moved");
        AdapterFolder.FindBase(Adapter).ShouldBe(Path.Combine(Adapter, "../moved"));
        ModelFile.Load(Adapter).Dispose();

        Should.Throw<InvalidDataException>(() => AdapterFolder.FindBase(Adapter, Adapter)).Message.ShouldContain("is an adapter itself");
        Should.Throw<InvalidDataException>(() => ModelFile.Load(_folder.File("moved"), baseModel: "gpt2")).Message.ShouldContain("which is no adapter");
        Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(Adapter)).Message.ShouldContain("holds an adapter, which is no model by itself");
    }

    [Fact]
    public void A_base_that_does_not_fit_is_refused_with_the_shapes()
    {
        SaveAdapter();
        using Gpt2Model wide = TestModels.Random(TestModels.Config with { EmbeddingSize = 24 });
        Gpt2Checkpoint.Save(_folder.File("wide"), wide);

        Should.Throw<InvalidDataException>(() => ModelFile.Load(Adapter, baseModel: _folder.File("wide"))).Message
            .ShouldContain("'base_model.model.transformer.h.0.attn.c_attn.lora_A.weight' is [3, 12], not [3, 24]");
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Numbers_that_are_not_finite_are_neither_saved_nor_loaded(float value)
    {
        SaveAdapter();
        byte[] good = File.ReadAllBytes(WeightsPath);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        adapters.Adapters[^1].B.Values[^1] = value;

        Should.Throw<InvalidDataException>(() => AdapterFolder.Save(Adapter, adapters, "gpt2")).Message.ShouldContain("its training has diverged");
        File.ReadAllBytes(WeightsPath).ShouldBe(good);
        BitConverter.TryWriteBytes(good.AsSpan(good.Length - sizeof(float)), value).ShouldBeTrue();
        File.WriteAllBytes(WeightsPath, good);
        Should.Throw<InvalidDataException>(() => ModelFile.Load(Adapter)).Message.ShouldContain("h.1.mlp.c_proj.lora_B.weight");
    }

    [Fact]
    public void Tensors_that_are_missing_or_too_many_are_named()
    {
        SaveAdapter();
        string config = Path.Combine(Adapter, AdapterFolder.ConfigFileName), text = File.ReadAllText(config);
        File.WriteAllText(config, text.Replace("\"attn.c_proj\",", "", StringComparison.Ordinal));
        Should.Throw<InvalidDataException>(() => ModelFile.Load(Adapter)).Message.ShouldContain("4 tensors are unexpected");
        File.WriteAllText(config, text.Replace("\"r\": 3", "\"r\": 4", StringComparison.Ordinal));
        Should.Throw<InvalidDataException>(() => ModelFile.Load(Adapter)).Message.ShouldContain("is [3, 12], not [4, 12]");
        File.WriteAllText(config, text);
        File.Delete(WeightsPath);
        Should.Throw<FileNotFoundException>(() => ModelFile.Load(Adapter)).Message.ShouldContain("has no adapter_model.safetensors");
    }

    [Fact]
    public void Damaged_files_are_survived_with_little_memory()
    {
        SaveAdapter();
        Random random = new(20241128);
        string[] names = [AdapterFolder.ConfigFileName, AdapterFolder.WeightsFileName];
        Dictionary<string, byte[]> valid = names.ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(Adapter, name)));
        int refused = 0;
        for (int i = 0; i < 1500; i++)
        {
            string name = names[i % 2];
            byte[] damaged = Hostility.Damage(valid[name], random);
            File.WriteAllBytes(Path.Combine(Adapter, name), damaged);
            refused += Hostility.Survives(damaged, 4_000_000, () => ModelFile.Load(Adapter).Dispose()) ? 0 : 1;
            File.WriteAllBytes(Path.Combine(Adapter, name), valid[name]);
        }

        refused.ShouldBeInRange(300, 1499);
        ModelFile.Load(Adapter).Dispose();
    }

    private Gpt2Model SaveBase()
    {
        Gpt2Model model = TestModels.Random(TestModels.Config);
        Gpt2Checkpoint.Save(_folder.File("base"), model);
        return model;
    }

    private void SaveAdapter()
    {
        using Gpt2Model model = SaveBase();
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        AdapterFolder.Save(Adapter, adapters, _folder.File("base"));
    }
}
