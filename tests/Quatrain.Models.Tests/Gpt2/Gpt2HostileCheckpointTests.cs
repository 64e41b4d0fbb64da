using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>Folders whose parts are damaged or do not belong together.</summary>
public sealed class Gpt2HostileCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Gpt2Model _model = TestModels.Random(TestModels.Config);

    private string WeightsPath => _folder.File("model.safetensors");

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Truncated_weights_are_refused_at_every_length()
    {
        Gpt2Checkpoint.Save(_folder.FullName, _model);
        byte[] whole = File.ReadAllBytes(WeightsPath);
        for (int length = 0; length < whole.Length; length += length < 64 ? 1 : 997)
        {
            File.WriteAllBytes(WeightsPath, whole[..length]);

            Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message.ShouldContain(WeightsPath);
        }
    }

    [Fact]
    public void All_tensors_that_do_not_fit_are_named_at_once()
    {
        List<SafetensorsTensor> tensors = Gpt2CheckpointTests.Tensors(_model);
        tensors.RemoveAll(tensor => tensor.Name is "ln_f.bias" or "h.1.mlp.c_fc.weight");
        tensors.RemoveAll(tensor => tensor.Name == "h.0.attn.c_attn.weight");
        tensors.Add(new SafetensorsTensor("h.0.attn.c_attn.weight", [36, 12], new float[36 * 12]));
        tensors.Add(new SafetensorsTensor("h.2.ln_1.weight", [12], new float[12]));
        tensors.Add(new SafetensorsTensor("h.x.attn.bias", [1], new float[1]));
        tensors.Add(new SafetensorsTensor("h.-1.attn.masked_bias", [1], new float[1]));
        Write(TestModels.Config, tensors);

        string message = Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message;

        message.ShouldContain("2 tensors are missing ('h.1.mlp.c_fc.weight', 'ln_f.bias')");
        message.ShouldContain("3 tensors are unexpected ('h.2.ln_1.weight', 'h.x.attn.bias', 'h.-1.attn.masked_bias')");
        message.ShouldContain("1 tensor is of the wrong shape ('h.0.attn.c_attn.weight' is [36, 12], not [12, 36])");
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Weights_that_are_not_finite_are_refused(float value)
    {
        _model.Parameters["h.1.ln_2.bias"].Tensor.Values[^1] = value;
        Write(TestModels.Config, Gpt2CheckpointTests.Tensors(_model));

        Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message
            .ShouldContain($"tensor 'h.1.ln_2.bias' of shape [12] holds {value} at element 11");
    }

    [Theory]
    [InlineData("lm_head.weight")]
    [InlineData("transformer.lm_head.weight")]
    public void A_head_that_differs_from_the_embedding_it_should_be_tied_to_is_refused(string name)
    {
        float[] head = _model.Parameters["wte.weight"].Tensor.Values.ToArray();
        head[^1] = MathF.BitIncrement(head[^1]);
        Write(TestModels.Config, [.. Gpt2CheckpointTests.Tensors(_model), new SafetensorsTensor(name, [29, 12], head)]);

        string message = Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message;

        message.ShouldBe(
            $"Cannot load '{WeightsPath}': its '{name}' differs from 'wte.weight', though the configuration ties the two; "
            + "set tie_word_embeddings to false in config.json.");
    }

    [Fact]
    public void A_head_of_another_shape_than_the_embedding_is_refused()
    {
        float[] values = _model.Parameters["wte.weight"].Tensor.Values.ToArray();
        Write(TestModels.Config, [.. Gpt2CheckpointTests.Tensors(_model), new SafetensorsTensor("lm_head.weight", [12, 29], values)]);

        Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message.ShouldContain("'lm_head.weight' differs");
    }

    [Fact]
    public void An_untied_model_needs_its_head()
    {
        Write(TestModels.Config with { TieEmbeddings = false }, Gpt2CheckpointTests.Tensors(_model));

        Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message
            .ShouldContain("1 tensor is missing ('lm_head.weight')");
    }

    [Fact]
    public void A_configuration_that_promises_terabytes_costs_nothing()
    {
        Gpt2Checkpoint.Save(_folder.FullName, _model);
        Gpt2Config huge = TestModels.Config with
        {
            LayerCount = 1_000,
            HeadCount = 1,
            EmbeddingSize = 23_000,
            ContextLength = 90_000,
            VocabularySize = 90_000,
        };
        Gpt2Memory.WeightBytes(huge).ShouldBeGreaterThan(20_000_000_000_000);
        Gpt2ConfigJson.Write(_folder.File("config.json"), huge);
        long before = GC.GetAllocatedBytesForCurrentThread();

        string message = Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message;

        message.ShouldContain("'wte.weight' is [29, 12], not [90000, 23000]");
        message.Length.ShouldBeLessThan(3_000);
        // Of the garbage-collected heap. The weights' own memory would have been refused by the system with another error.
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(100_000_000);
    }

    [Fact]
    public void A_configuration_of_another_architecture_is_refused()
    {
        Gpt2Checkpoint.Save(_folder.FullName, _model);
        string config = File.ReadAllText(_folder.File("config.json"));
        File.WriteAllText(_folder.File("config.json"), config.Replace("\"gpt2\"", "\"mistral\"", StringComparison.Ordinal));

        Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Load(_folder.FullName)).Message.ShouldContain("model_type is 'mistral', not 'gpt2'");
    }

    private void Write(Gpt2Config config, List<SafetensorsTensor> tensors)
    {
        Gpt2ConfigJson.Write(_folder.File("config.json"), config);
        SafetensorsWriter.Write(WeightsPath, tensors);
    }
}
