using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>One model in many formats: all of them load, to the same weights and PyTorch's logits.</summary>
public sealed class Gpt2ImportTests
{
    [Theory]
    [InlineData("tiny-f32.gguf")]
    [InlineData("tiny-f32.bin")]
    [InlineData("hf-f32/model.safetensors")]
    public void Every_format_of_full_precision_gives_the_same_weights_and_logits_bit_for_bit(string name)
    {
        ImportFixtures.ShouldHoldTheSame(ImportFixtures.Weights(ImportFixtures.Path(name)), ImportFixtures.Weights(ImportFixtures.Path("hf-f32")));
        ImportFixtures.LogitsOf(ImportFixtures.Path(name)).ShouldBe(ImportFixtures.LogitsOf(ImportFixtures.Path("hf-f32")));
    }

    [Theory]
    [InlineData("hf-f32", "f32")]
    [InlineData("hf-f16", "f16")]
    [InlineData("hf-bf16", "bf16")]
    [InlineData("tiny-bf16.bin", "bf16")]
    [InlineData("tiny-f16.gguf", "f16-matrices")]
    [InlineData("tiny-bf16.gguf", "bf16-matrices")]
    [InlineData("tiny-q8_0.gguf", "q8_0-matrices")]
    public void Logits_are_those_of_PyTorch_with_the_weights_so_rounded(string name, string variant)
    {
        Differences.Largest(ImportFixtures.LogitsOf(ImportFixtures.Path(name)), ImportFixtures.Logits(variant)).ShouldBeLessThan(2e-5);

        // Such a rounding shows: the bound would not hold for the weights as they were.
        if (variant != "f32")
        {
            Differences.Largest(ImportFixtures.Logits("f32"), ImportFixtures.Logits(variant)).ShouldBeGreaterThan(1e-4);
        }
    }

    [Fact]
    public void Half_precision_is_each_weight_rounded_to_nearest()
    {
        Dictionary<string, float[]> exact = ImportFixtures.Weights(ImportFixtures.Path("hf-f32"));
        ImportFixtures.ShouldHoldTheSame(
            ImportFixtures.Weights(ImportFixtures.Path("hf-f16")), exact.ToDictionary(pair => pair.Key, pair => pair.Value.Select(value => (float)(Half)value).ToArray()));
        ImportFixtures.ShouldHoldTheSame(ImportFixtures.Weights(ImportFixtures.Path("tiny-bf16.bin")), ImportFixtures.Weights(ImportFixtures.Path("hf-bf16")));
    }

    [Fact]
    public void The_configuration_of_every_format_is_the_same()
    {
        using Gpt2Source folder = Gpt2Source.Open(ImportFixtures.Path("hf-f32"));
        Gpt2Config expected = folder.Config with { EmbeddingDropout = 0, AttentionDropout = 0, ResidualDropout = 0 };
        foreach (string name in (string[])["tiny-f32.gguf", "tiny-f16.gguf", "tiny-q8_0.gguf", "tiny-f32.bin", "tiny-bf16.bin"])
        {
            using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path(name));
            source.Config.ShouldBe(expected, name);
        }
    }

    [Theory]
    [InlineData("hf-f16", "h.1.mlp.c_proj.weight", RawElementType.F16, false)]
    [InlineData("hf-bf16", "h.0.ln_1.weight", RawElementType.BF16, false)]
    [InlineData("tiny-f32.gguf", "h.0.attn.c_attn.weight", RawElementType.F32, true)]
    [InlineData("tiny-q8_0.gguf", "wte.weight", RawElementType.Q8, false)]
    [InlineData("tiny-bf16.bin", "h.1.attn.c_proj.weight", RawElementType.BF16, true)]
    public void Locate_says_where_the_elements_lie(string name, string parameter, RawElementType type, bool isTransposed)
    {
        using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path(name));
        Gpt2SourceWeight weight = source.Find(parameter);
        FileRegion region = source.File.Locate(weight.Entry)!.Value;
        float[] read = new float[weight.Entry.ElementCount], decoded = new float[read.Length];
        source.File.ReadFloatRange(weight.Entry, 0, read);

        RawElements.Decode(region.Type, File.ReadAllBytes(region.Path).AsSpan((int)region.Offset, (int)region.Length), decoded);

        decoded.ShouldBe(read);
        region.Type.ShouldBe(type);
        weight.IsTransposed.ShouldBe(isTransposed);
    }

    [Theory]
    [InlineData("tiny-f32.gguf", 1)]
    [InlineData("tiny-q8_0.gguf", 1)]
    [InlineData("tiny-q8_0.gguf", 7)]
    [InlineData("tiny-q8_0.gguf", 45)]
    [InlineData("hf-f16", 33)]
    [InlineData("tiny-bf16.bin", 1000)]
    public void Elements_read_in_pieces_are_those_read_at_once(string name, int piece)
    {
        using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path(name));
        TensorEntry entry = source.Find("wte.weight").Entry;
        float[] whole = new float[entry.ElementCount], pieces = new float[entry.ElementCount];
        source.File.ReadFloatRange(entry, 0, whole);
        for (int start = 0; start < pieces.Length; start += piece)
        {
            source.File.ReadFloatRange(entry, start, pieces.AsSpan(start, Math.Min(piece, pieces.Length - start)));
        }

        pieces.ShouldBe(whole);
        Should.Throw<ArgumentOutOfRangeException>(() => source.File.ReadFloatRange(entry, entry.ElementCount, new float[1]));
        Should.Throw<ArgumentOutOfRangeException>(() => source.File.ReadFloatRange(entry, -1, new float[1]));
    }

    [Theory]
    [InlineData(64, 50, 50)]
    [InlineData(64, 64, 64)]
    [InlineData(64, 65, 64)]
    [InlineData(65, 50, 65)]
    [InlineData(256, 100, 256)]
    public void Rows_that_pad_the_vocabulary_are_left_out(int modelSize, int tokenizerSize, int expected)
    {
        using TemporaryFolder folder = new();
        using Gpt2Model model = TestModels.Random(TestModels.Config with { VocabularySize = modelSize });
        Gpt2Checkpoint.Save(folder.FullName, model);

        using Gpt2Model loaded = Gpt2Checkpoint.Load(folder.FullName, tokenizerSize);

        loaded.VocabularySize.ShouldBe(expected);
        loaded.Parameters["wte.weight"].Tensor.Values.ToArray().ShouldBe(model.Parameters["wte.weight"].Tensor.Values[..(expected * 12)].ToArray());
    }

    [Fact]
    public void A_file_of_no_known_format_is_refused()
    {
        using TemporaryFolder folder = new();
        foreach (byte[] content in (byte[][])[[], [1], "just a text, nothing more"u8.ToArray(), new byte[100]])
        {
            File.WriteAllBytes(folder.File("weights"), content);
            Should.Throw<InvalidDataException>(() => ModelFile.Load(folder.File("weights"))).Message.ShouldContain("not in a format that is known");
        }
    }
}
