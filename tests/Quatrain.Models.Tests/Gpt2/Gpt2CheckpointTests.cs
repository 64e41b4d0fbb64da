using System.Runtime.InteropServices;
using System.Text.Json;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2CheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<Gpt2Config> Configs =>
    [
        TestModels.Config,
        TestModels.Config with { Bias = false, Activation = Activation.GeluExact },
        TestModels.Config with { TieEmbeddings = false, ResidualDropout = 0.2f, Activation = Activation.Relu },
        TestModels.Config with { LayerCount = 1, HeadCount = 1, EmbeddingSize = 1, ContextLength = 1, VocabularySize = 1 },
    ];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Configs))]
    public void Load_gives_back_every_bit_that_Save_wrote(Gpt2Config config)
    {
        using Gpt2Model saved = TestModels.Random(config);
        saved.Parameters["wpe.weight"].Tensor.Values[0] = -0f;
        saved.Parameters["ln_f.weight"].Tensor.Values[0] = float.Epsilon;

        Gpt2Checkpoint.Save(_folder.FullName, saved);
        using Gpt2Model loaded = Gpt2Checkpoint.Load(_folder.FullName);

        loaded.Config.ShouldBe(config);
        ShouldHaveTheSameBits(loaded, saved);
    }

    [Fact]
    public void Save_makes_the_folder_and_two_files_of_the_published_names()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config with { LayerCount = 1 });
        string folder = Path.Combine(_folder.FullName, "new", "deeper");

        Gpt2Checkpoint.Save(folder, model, new Dictionary<string, string> { ["step"] = "17" });

        Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal).ShouldBe(["config.json", "model.safetensors"]);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        file.Entries.Select(entry => entry.Name).ShouldBe(
        [
            "wte.weight", "wpe.weight", "h.0.ln_1.weight", "h.0.ln_1.bias", "h.0.attn.c_attn.weight", "h.0.attn.c_attn.bias", "h.0.attn.c_proj.weight",
            "h.0.attn.c_proj.bias", "h.0.ln_2.weight", "h.0.ln_2.bias", "h.0.mlp.c_fc.weight", "h.0.mlp.c_fc.bias", "h.0.mlp.c_proj.weight",
            "h.0.mlp.c_proj.bias", "ln_f.weight", "ln_f.bias",
        ]);
        file.Entries.ShouldAllBe(entry => entry.DType == SafetensorsDType.F32);
        file.Metadata.OrderBy(note => note.Key).ShouldBe([new("format", "pt"), new("step", "17")]);
    }

    [Fact]
    public void Save_writes_a_head_only_where_it_is_not_tied()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config with { TieEmbeddings = false });

        Gpt2Checkpoint.Save(_folder.FullName, model);

        using SafetensorsFile file = SafetensorsFile.Open(_folder.File("model.safetensors"));
        file.Entries[^1].Name.ShouldBe("lm_head.weight");
        file.Entries[^1].Shape.ShouldBe([29L, 12L]);
    }

    [Fact]
    public void Save_over_another_model_leaves_only_the_new_one()
    {
        using Gpt2Model first = TestModels.Random(TestModels.Config);
        using Gpt2Model second = TestModels.Random(TestModels.Config with { HeadCount = 2, LayerCount = 3 }, seed: 5);
        Gpt2Checkpoint.Save(_folder.FullName, first);

        Gpt2Checkpoint.Save(_folder.FullName, second);

        using Gpt2Model loaded = Gpt2Checkpoint.Load(_folder.FullName);
        loaded.Config.ShouldBe(second.Config);
        ShouldHaveTheSameBits(loaded, second);
        _folder.FileNames().ShouldBe(["config.json", "model.safetensors"]);
    }

    [Fact]
    public void A_save_that_fails_leaves_the_last_good_pair()
    {
        using Gpt2Model good = TestModels.Random(TestModels.Config);
        using Gpt2Model diverged = TestModels.Random(TestModels.Config, seed: 5);
        Gpt2Checkpoint.Save(_folder.FullName, good);
        using Gpt2Model other = TestModels.Random(TestModels.Config, seed: 6);
        diverged.Parameters["h.1.mlp.c_fc.bias"].Tensor.Values[3] = float.NaN;

        Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Save(_folder.FullName, diverged)).Message.ShouldContain("'h.1.mlp.c_fc.bias' holds NaN");
        Should.Throw<ArgumentException>(
            () => Gpt2Checkpoint.Save(_folder.FullName, other, new Dictionary<string, string> { ["bad"] = "\ud800" }));

        using Gpt2Model loaded = Gpt2Checkpoint.Load(_folder.FullName);
        ShouldHaveTheSameBits(loaded, good);
    }

    [Fact]
    public void A_save_of_other_sizes_that_fails_leaves_nothing_that_loads_wrongly()
    {
        using Gpt2Model first = TestModels.Random(TestModels.Config);
        using Gpt2Model second = TestModels.Random(TestModels.Config with { HeadCount = 2 });
        Gpt2Checkpoint.Save(_folder.FullName, first);

        // As if the machine stopped while the weights were being written; the two differ in nothing that the weights' shapes show.
        Should.Throw<ArgumentException>(() => Gpt2Checkpoint.Save(_folder.FullName, second, new Dictionary<string, string> { ["bad"] = "\ud800" }));

        Should.Throw<FileNotFoundException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message.ShouldContain("the folder holds no config.json");
    }

    [Fact]
    public void Save_to_a_file_says_so()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        File.WriteAllText(_folder.File("taken"), "");

        Should.Throw<IOException>(() => Gpt2Checkpoint.Save(_folder.File("taken"), model)).Message.ShouldContain("it is a file; choose another name");
    }

    [Theory]
    [InlineData("")]
    [InlineData("transformer.")]
    public void Load_takes_a_Hugging_Face_file_with_masks_and_a_copy_of_the_embedding(string prefix)
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        List<SafetensorsTensor> tensors = Tensors(model, prefix);
        float[] mask = new float[21 * 21];
        tensors.Add(new SafetensorsTensor($"{prefix}h.0.attn.bias", [1, 1, 21, 21], mask));
        tensors.Add(new SafetensorsTensor($"{prefix}h.1.attn.bias", [1, 1, 21, 21], mask));
        tensors.Add(new SafetensorsTensor($"{prefix}h.1.attn.masked_bias", [], new float[] { -1e4f }));
        tensors.Add(new SafetensorsTensor("lm_head.weight", [29, 12], model.Parameters["wte.weight"].Tensor.Values.ToArray()));
        Write(TestModels.Config, tensors);

        using Gpt2Model loaded = Gpt2Checkpoint.Load(_folder.FullName);

        ShouldHaveTheSameBits(loaded, model);
    }

    [Fact]
    public void Load_takes_half_precision_weights()
    {
        Gpt2Config config = TestModels.Config with { LayerCount = 1, HeadCount = 1, EmbeddingSize = 1, ContextLength = 1, VocabularySize = 1 };
        IReadOnlyList<(string Name, Shape Shape)> parameters = Gpt2Memory.Parameters(config);
        Half[] halves = [.. Enumerable.Range(0, (int)config.ParameterCount).Select(i => (Half)(i / 8f))];
        Gpt2ConfigJson.Write(_folder.File("config.json"), config);
        File.WriteAllBytes(_folder.File("model.safetensors"), SafetensorsBytes.Join(Header(parameters, "F16"), MemoryMarshal.AsBytes(halves.AsSpan())));

        using Gpt2Model loaded = Gpt2Checkpoint.Load(_folder.FullName);

        loaded.Parameters.Parameters.SelectMany(parameter => parameter.Tensor.Values.ToArray()).ShouldBe(halves.Select(half => (float)half));
    }

    internal static List<SafetensorsTensor> Tensors(Gpt2Model model, string prefix = "") =>
    [
        .. model.Parameters.Parameters.Select(parameter => new SafetensorsTensor(
            prefix + parameter.Name,
            [.. Enumerable.Range(0, parameter.Tensor.Shape.Rank).Select(i => (long)parameter.Tensor.Shape[i])],
            parameter.Tensor.Values.ToArray())),
    ];

    private static string Header(IReadOnlyList<(string Name, Shape Shape)> parameters, string type)
    {
        int end = 0;
        IEnumerable<string> entries = parameters.Select(parameter =>
        {
            int begin = end;
            end += 2 * parameter.Shape.ElementCount;
            return $"{JsonSerializer.Serialize(parameter.Name)}:{{\"dtype\":\"{type}\",\"shape\":{parameter.Shape},\"data_offsets\":[{begin},{end}]}}";
        });
        return $"{{{string.Join(",", entries)}}}";
    }

    private static void ShouldHaveTheSameBits(Gpt2Model actual, Gpt2Model expected)
    {
        foreach (Parameter parameter in expected.Parameters.Parameters)
        {
            ReadOnlySpan<int> bits = MemoryMarshal.Cast<float, int>(actual.Parameters[parameter.Name].Tensor.Values);
            bits.SequenceEqual(MemoryMarshal.Cast<float, int>(parameter.Tensor.Values)).ShouldBeTrue(parameter.Name);
        }
    }

    private void Write(Gpt2Config config, List<SafetensorsTensor> tensors)
    {
        Gpt2ConfigJson.Write(_folder.File("config.json"), config);
        SafetensorsWriter.Write(_folder.File("model.safetensors"), tensors);
    }
}
