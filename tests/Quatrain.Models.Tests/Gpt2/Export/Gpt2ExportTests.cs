using System.Text.Json;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Gpt2.Export;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors.Ops;

namespace Quatrain.Models.Tests.Gpt2.Export;

/// <summary>What is exported comes back as it was, and is what an independent writer makes of the same model.</summary>
public sealed class Gpt2ExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ExportFormat.HuggingFace)]
    [InlineData(ExportFormat.Gguf)]
    [InlineData(ExportFormat.LlmC)]
    public void Full_precision_comes_back_bit_for_bit_from_whichever_format_it_was(ExportFormat format)
    {
        foreach (string from in (string[])["hf-f32", "tiny-f32.gguf", "tiny-f32.bin"])
        {
            string path = Export(ImportFixtures.Path(from), format);
            ImportFixtures.ShouldHoldTheSame(ImportFixtures.Weights(path), ImportFixtures.Weights(ImportFixtures.Path("hf-f32")));
        }
    }

    [Theory]
    [InlineData(ExportFormat.HuggingFace, RawElementType.BF16, "hf-bf16")]
    [InlineData(ExportFormat.HuggingFace, RawElementType.F16, "hf-f16")]
    [InlineData(ExportFormat.Gguf, RawElementType.BF16, "tiny-bf16.gguf")]
    [InlineData(ExportFormat.Gguf, RawElementType.F16, "tiny-f16.gguf")]
    [InlineData(ExportFormat.Gguf, RawElementType.Q8, "tiny-q8_0.gguf")]
    [InlineData(ExportFormat.LlmC, RawElementType.BF16, "tiny-bf16.bin")]
    public void Rounded_weights_are_those_of_the_independent_writer_and_exporting_them_again_changes_nothing(ExportFormat format, RawElementType type, string expected)
    {
        string first = Export(ImportFixtures.Path("hf-f32"), format, type);
        ImportFixtures.ShouldHoldTheSame(ImportFixtures.Weights(first), ImportFixtures.Weights(ImportFixtures.Path(expected)));
        string second = Export(first, format, type);
        Bytes(second).ShouldBe(Bytes(first));
    }

    [Fact]
    public void A_file_of_llm_c_is_byte_for_byte_the_independent_writer_s()
    {
        File.ReadAllBytes(Export(ImportFixtures.Path("hf-f32"), ExportFormat.LlmC)).ShouldBe(File.ReadAllBytes(ImportFixtures.Path("tiny-f32.bin")));
        File.ReadAllBytes(Export(ImportFixtures.Path("hf-f32"), ExportFormat.LlmC, RawElementType.BF16)).ShouldBe(File.ReadAllBytes(ImportFixtures.Path("tiny-bf16.bin")));
    }

    [Fact]
    public void A_Hugging_Face_folder_says_all_that_GPT2LMHeadModel_asks_for()
    {
        string path = Export(ImportFixtures.Path("tiny-f32.bin"), ExportFormat.HuggingFace, RawElementType.BF16);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(path, "config.json")));
        JsonElement config = json.RootElement;
        config.GetProperty("architectures")[0].GetString().ShouldBe("GPT2LMHeadModel");
        config.GetProperty("n_ctx").GetInt32().ShouldBe(24);
        config.GetProperty("n_inner").ValueKind.ShouldBe(JsonValueKind.Null);
        config.GetProperty("torch_dtype").GetString().ShouldBe("bfloat16");
        config.GetProperty("eos_token_id").GetInt32().ShouldBe(66);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(path, "model.safetensors"));
        file.Metadata["format"].ShouldBe("pt");
        file.Entries.ShouldAllBe(entry => entry.Name.StartsWith("transformer.") && entry.TypeName == "BF16");
        file.Entries.Count.ShouldBe(2 + (2 * 12) + 2);
    }

    [Fact]
    public void A_GGUF_file_keeps_norms_biases_and_positions_exact_and_holds_the_head_and_the_vocabulary()
    {
        GgufVocabulary vocabulary = new(["a", "b", "ab", "<|endoftext|>"], ["a b"], [3], 3);
        string path = Export(ImportFixtures.Path("hf-f32"), ExportFormat.Gguf, RawElementType.Q8, vocabulary);
        using GgufFile file = GgufFile.Open(path);
        file.Entries.Where(entry => entry.TypeName == "Q8_0").Select(entry => entry.Name).ShouldBe(
        [
            "token_embd.weight",
            .. Enumerable.Range(0, 2).SelectMany(i => (string[])[$"blk.{i}.attn_qkv.weight", $"blk.{i}.attn_output.weight", $"blk.{i}.ffn_up.weight", $"blk.{i}.ffn_down.weight"]),
            "output.weight",
        ]);
        file.Entries.Where(entry => entry.TypeName != "Q8_0").ShouldAllBe(entry => entry.TypeName == "F32");
        GgufVocabulary read = GgufVocabulary.TryRead(path)!;
        read.Tokens.ShouldBe(vocabulary.Tokens);
        read.Merges.ShouldBe(vocabulary.Merges);
        read.SpecialIds.ShouldBe([3]);
        read.EndOfTextId.ShouldBe(3);
        GgufVocabulary.TryRead(ImportFixtures.Path("hf-f32/model.safetensors")).ShouldBeNull();
        GgufVocabulary.TryRead(Export(ImportFixtures.Path("hf-f32"), ExportFormat.Gguf)).ShouldBeNull();
    }

    [Fact]
    public void A_model_without_biases_gets_biases_of_zero_and_computes_the_same()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config with { Bias = false, VocabularySize = 67 });
        Gpt2Checkpoint.Save(_folder.File("plain"), model);
        foreach (ExportFormat format in Enum.GetValues<ExportFormat>())
        {
            ImportFixtures.LogitsOf(Export(_folder.File("plain"), format)).ShouldBe(ImportFixtures.LogitsOf(model));
        }
    }

    [Fact]
    public void A_head_of_its_own_goes_where_the_format_has_one()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config with { TieEmbeddings = false, VocabularySize = 67 });
        Gpt2Checkpoint.Save(_folder.File("untied"), model);
        foreach (ExportFormat format in (ExportFormat[])[ExportFormat.HuggingFace, ExportFormat.Gguf])
        {
            ImportFixtures.LogitsOf(Export(_folder.File("untied"), format)).ShouldBe(ImportFixtures.LogitsOf(model));
        }

        Refusal(_folder.File("untied"), ExportFormat.LlmC, RawElementType.F32).ShouldContain("head is not tied");
    }

    [Fact]
    public void What_a_format_can_t_say_is_refused_and_nothing_is_written()
    {
        using Gpt2Model exact = TestModels.Random(TestModels.Config with { Activation = Activation.GeluExact, LayerNormEpsilon = 1e-6f });
        Gpt2Checkpoint.Save(_folder.File("exact"), exact);
        Refusal(_folder.File("exact"), ExportFormat.Gguf, RawElementType.F32).ShouldContain("it uses GeluExact");
        Refusal(_folder.File("exact"), ExportFormat.LlmC, RawElementType.F32).ShouldContain("it uses GeluExact");
        Refusal(ImportFixtures.Path("hf-f32"), ExportFormat.LlmC, RawElementType.Q8).ShouldContain("fp32 and bf16 weights only");
        Refusal(ImportFixtures.Path("hf-f32"), ExportFormat.HuggingFace, RawElementType.Q8).ShouldContain("8-bit");
        using Gpt2Model narrow = TestModels.Random(TestModels.Config with { LayerNormEpsilon = 1e-6f });
        Gpt2Checkpoint.Save(_folder.File("narrow"), narrow);
        Refusal(_folder.File("narrow"), ExportFormat.LlmC, RawElementType.F32).ShouldContain("layer_norm_epsilon");
        Refusal(_folder.File("narrow"), ExportFormat.Gguf, RawElementType.Q8).ShouldContain("no multiple of 32");
    }

    [Fact]
    public void A_weight_too_large_for_half_precision_is_refused_and_the_old_file_stays()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        model.Parameters["h.1.mlp.c_fc.weight"].Tensor.Values[5] = 70000;
        Gpt2Checkpoint.Save(_folder.File("large"), model);
        string target = _folder.File("large.gguf");
        File.WriteAllText(target, "old");
        Should.Throw<InvalidDataException>(() => Export(_folder.File("large"), ExportFormat.Gguf, RawElementType.F16, target: target))
            .Message.ShouldContain("'h.1.mlp.c_fc.weight' holds 70000");
        File.ReadAllText(target).ShouldBe("old");
        _folder.FileNames().ShouldBe(["large.gguf"]);
    }

    [Fact]
    public void A_cancelled_export_leaves_nothing()
    {
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path("hf-f32"));
        Should.Throw<OperationCanceledException>(() =>
            Gpt2Export.Write(_folder.File("x.gguf"), source, new ExportOptions { Format = ExportFormat.Gguf }, cancellation.Token));
        _folder.FileNames().ShouldBeEmpty();
    }

    [Fact]
    public void Progress_goes_up_to_the_whole()
    {
        List<double> shares = [];
        using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path("hf-f32"));
        Gpt2Export.Write(_folder.File("x.bin"), source, new ExportOptions { Format = ExportFormat.LlmC, Progress = new Recorder(shares) });
        shares.ShouldBe(shares.Order());
        shares[^1].ShouldBe(1);
    }

    private static byte[] Bytes(string path) => File.ReadAllBytes(Directory.Exists(path) ? Path.Combine(path, "model.safetensors") : path);

    private string Refusal(string from, ExportFormat format, RawElementType type)
    {
        string target = _folder.File("refused");
        string message = Should.Throw<InvalidDataException>(() => Export(from, format, type, target: target)).Message;
        Path.Exists(target).ShouldBeFalse();
        return message;
    }

    private string Export(
        string from, ExportFormat format, RawElementType type = RawElementType.F32, GgufVocabulary? vocabulary = null, string? target = null)
    {
        target ??= _folder.File($"{Guid.NewGuid():N}");
        using Gpt2Source source = Gpt2Source.Open(from);
        Gpt2Export.Write(target, source, new ExportOptions { Format = format, Weights = type, Vocabulary = vocabulary, EndOfTextId = 66 });
        return target;
    }

    private sealed class Recorder(List<double> shares) : IProgress<double>
    {
        public void Report(double value) => shares.Add(value);
    }
}
