using System.Text.Json.Nodes;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Models.Tests.Checkpoints.PyTorch;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Tests.Gpt2.Sources;

/// <summary>One model as PyTorch saved it in several ways, and as a safetensors file.</summary>
public sealed class PyTorchSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("torch-legacy-f32", "hf-f32")]
    [InlineData("torch-sharded-f32", "hf-f32")]
    [InlineData("torch-zip-f16", "hf-f16")]
    [InlineData("torch-legacy-bf16", "hf-bf16")]
    [InlineData("torch-zip-f16/pytorch_model.bin", "hf-f16")]
    public void The_model_is_that_of_the_safetensors_file(string name, string same)
    {
        using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path(name)), expected = Gpt2Source.Open(ImportFixtures.Path(same));

        source.Config.ShouldBe(expected.Config);
        ImportFixtures.ShouldBeTheSame(ImportFixtures.Path(name), ImportFixtures.Path(same));
    }

    [Fact]
    public void A_checkpoint_of_nanoGPT_is_that_model_with_the_exact_GELU()
    {
        ImportFixtures.CopyTo("hf-f32", _folder.FullName);
        string config = _folder.File("config.json");
        JsonNode json = JsonNode.Parse(File.ReadAllText(config))!;
        json["activation_function"] = "gelu";
        File.WriteAllText(config, json.ToJsonString());

        using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path("torch-nanogpt/ckpt.pt")), expected = Gpt2Source.Open(_folder.FullName);

        source.Config.ShouldBe(expected.Config with { EmbeddingDropout = 0.2f, AttentionDropout = 0.2f, ResidualDropout = 0.2f });
        source.Config.Activation.ShouldBe(Activation.GeluExact);
        ImportFixtures.ShouldBeTheSame(ImportFixtures.Path("torch-nanogpt/ckpt.pt"), _folder.FullName);
    }

    [Fact]
    public void Weights_without_a_configuration_beside_them_ask_for_it()
    {
        string path = _folder.File("pytorch_model.bin");
        File.Copy(ImportFixtures.Path("torch-zip-f16/pytorch_model.bin"), path);

        Should.Throw<FileNotFoundException>(() => Gpt2Source.Open(path)).Message.ShouldContain("config.json");
    }

    [Theory]
    [InlineData("n_layer", "n_layex", "n_layer of its model_args is not a whole number")]
    [InlineData("block_size", "block_wide", "block_size of its model_args is not a whole number")]
    [InlineData("bias", "bian", null)]
    [InlineData("K\u0018X", "K\u0019X", "wrong shape")] // the block_size of 24
    [InlineData("K\u0018X", "K\u0000X", "n_positions")]
    public void Arguments_that_do_not_fit_are_refused(string original, string changed, string? reason)
    {
        string path = _folder.File("ckpt.pt");
        File.WriteAllBytes(path, TorchZip.Replace(ImportFixtures.Path("torch-nanogpt/ckpt.pt"), "/data.pkl", pickle => ReplaceLast(pickle, original, changed)));

        if (reason is null)
        {
            // An argument that old versions did not have.
            Gpt2Source.Open(path).Dispose();
            return;
        }

        string message = Should.Throw<InvalidDataException>(() => Gpt2Source.Open(path)).Message;
        message.ShouldContain(path);
        message.ShouldContain(reason);
    }

    [Fact]
    public void A_truncated_checkpoint_is_refused()
    {
        byte[] whole = File.ReadAllBytes(ImportFixtures.Path("torch-nanogpt/ckpt.pt"));
        string path = _folder.File("ckpt.pt");
        for (int length = 4; length < whole.Length; length += 1501)
        {
            File.WriteAllBytes(path, whole[..length]);
            Should.Throw<InvalidDataException>(() => Gpt2Source.Open(path)).Message.ShouldContain(path);
        }
    }

    private static byte[] ReplaceLast(byte[] pickle, string original, string changed)
    {
        int at = pickle.AsSpan().LastIndexOf(original.Latin1Bytes());
        at.ShouldBeGreaterThan(0);
        changed.Latin1Bytes().CopyTo(pickle, at);
        return pickle;
    }
}
