using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;
using Xunit.Abstractions;

namespace Quatrain.Models.Tests.Adapters;

/// <summary>What a model computes with adapters: beside its weights, and merged into them.</summary>
public sealed class LoraModelTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>What the project promises of merged weights: logits this far apart, as a share of the largest.</summary>
    private const double MergeTolerance = 1e-5;

    private readonly WorkerPool _pool = new(2);

    public static TheoryData<Gpt2Config> Configs => new()
    {
        TestModels.Config,
        TestModels.Config with { Bias = false, Activation = Activation.GeluExact, TieEmbeddings = false },
        TestModels.Config with { Activation = Activation.Relu, EmbeddingSize = 48 },
    };

    public void Dispose() => _pool.Dispose();

    [Theory]
    [MemberData(nameof(Configs))]
    public void New_adapters_change_no_bit(Gpt2Config config)
    {
        using Gpt2Model model = TestModels.Random(config);
        int[] tokens = TestAdapters.Tokens(model);
        float[] before = TestAdapters.Logits(model, _pool, tokens, 2);
        using LoraAdapters adapters = new(model, TestAdapters.AllLayers, seed: 3);
        adapters.Attach(model);

        TestAdapters.Logits(model, _pool, tokens, 2).ShouldBe(before);
    }

    [Theory]
    [MemberData(nameof(Configs))]
    public void Merged_weights_give_the_logits_of_unmerged_ones(Gpt2Config config)
    {
        using Gpt2Model model = TestModels.Random(config);
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        int[] tokens = TestAdapters.Tokens(model);
        float[] before = TestAdapters.Logits(model, _pool, tokens, 2);
        adapters.Attach(model);
        float[] unmerged = TestAdapters.Logits(model, _pool, tokens, 2);
        adapters.Detach();
        TestAdapters.Logits(model, _pool, tokens, 2).ShouldBe(before);
        adapters.MergeInto(model);

        float[] merged = TestAdapters.Logits(model, _pool, tokens, 2);

        double error = Differences.Largest(merged, unmerged) / unmerged.Max(MathF.Abs);
        output.WriteLine($"merged and unmerged logits differ by {error:E1} of the largest");
        error.ShouldBeLessThan(MergeTolerance);
        (Differences.Largest(merged, before) / unmerged.Max(MathF.Abs)).ShouldBeGreaterThan(0.05);
    }

    [Fact]
    public void Each_layer_that_is_meant_is_adapted_and_no_other()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        int[] tokens = TestAdapters.Tokens(model);
        float[] before = TestAdapters.Logits(model, _pool, tokens, 2);
        foreach (string name in model.LinearLayers.Select(layer => layer.Name))
        {
            using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers with { Targets = [name] });
            adapters.Attach(model);
            model.LinearLayers.Where(layer => layer.Adapter is not null).Select(layer => layer.Name).ShouldBe([name]);
            TestAdapters.Logits(model, _pool, tokens, 2).ShouldNotBe(before, name);
        }

        TestAdapters.Logits(model, _pool, tokens, 2).ShouldBe(before);
    }

    [Theory]
    [InlineData(1, WeightFormat.Float32)]
    [InlineData(2, WeightFormat.Float32)]
    [InlineData(5, WeightFormat.Float32)]
    [InlineData(1, WeightFormat.BFloat16)]
    [InlineData(5, WeightFormat.BFloat16)]
    [InlineData(1, WeightFormat.Int8)]
    [InlineData(5, WeightFormat.Int8)]
    public void With_a_cache_in_pieces_and_for_any_number_of_threads_the_bits_are_those_of_the_whole(int piece, WeightFormat format)
    {
        using WorkerPool one = new(1), three = new(3);
        using ILanguageModel model = ModelFile.Map(ImportFixtures.Path("peft-lora"), format, _pool);
        int[] tokens = TestAdapters.Tokens(model, 1);
        float[] whole = TestAdapters.Logits(model, three, tokens);
        TestAdapters.Logits(model, one, tokens).ShouldBe(whole);
        using KvCache cache = model.NewCache(1);
        List<float> pieces = [];
        for (int start = 0; start < tokens.Length; start += piece)
        {
            pieces.AddRange(TestAdapters.Logits(model, one, tokens.AsSpan(start, Math.Min(piece, tokens.Length - start)), 1, cache));
        }

        pieces.ToArray().ShouldBe(whole);
    }

    [Fact]
    public void A_warm_decoded_token_allocates_nothing_and_takes_no_more_than_was_forecast()
    {
        using WorkerPool pool = new(1);
        using Gpt2Model model = TestModels.Random(TestModels.Config);
        using LoraAdapters adapters = TestAdapters.Random(model, TestAdapters.AllLayers);
        adapters.Attach(model);
        using KvCache cache = model.NewCache(1);
        using Tape tape = new(pool, recording: false);
        int[] token = [3];

        Allocation.Least(() =>
        {
            tape.Begin();
            model.ForwardLast(tape, token, 1, cache);
        }).ShouldBe(0);

        tape.BytesUsed.ShouldBeGreaterThan(Gpt2Memory.DecodingActivationBytes(model.Config, 1, 1));
        (tape.BytesUsed + Gpt2Memory.KvCacheBytes(model.Config, 1, 16)).ShouldBeLessThanOrEqualTo(model.DecodingStateBytes(1, 16, 1));
    }

    /// <summary>The base as its file has it, mapped; the adapters beside it are float32.</summary>
    [Theory]
    [InlineData("hf-f32", MergeTolerance)]
    [InlineData("hf-bf16", MergeTolerance)]
    [InlineData("tiny-f32.gguf", MergeTolerance)]
    [InlineData("tiny-bf16.gguf", MergeTolerance)]
    // Int8 weights meet activations of eight bits.
    [InlineData("tiny-q8_0.gguf", 0.03)]
    public void A_mapped_base_of_any_format_gives_the_logits_of_merged_weights(string file, double tolerance)
    {
        using ILanguageModel mapped = ModelFile.Map(ImportFixtures.Path("peft-lora"), null, _pool, baseModel: ImportFixtures.Path(file));
        using Gpt2Model merged = Gpt2Checkpoint.Load(ImportFixtures.Path(file));
        float[] before = TestAdapters.Logits(merged, _pool, TestAdapters.Tokens(mapped), 2);
        ((Gpt2Model)mapped).Adapters!.MergeInto(merged);
        int[] tokens = TestAdapters.Tokens(mapped);

        float[] expected = TestAdapters.Logits(merged, _pool, tokens, 2);

        double error = Differences.Largest(TestAdapters.Logits(mapped, _pool, tokens, 2), expected) / expected.Max(MathF.Abs);
        output.WriteLine($"{file}: {error:E1} of the largest logit");
        error.ShouldBeLessThan(tolerance);
        Differences.Largest(before, expected).ShouldBeGreaterThan(0.1 * expected.Max(MathF.Abs));
    }

    [Fact]
    public void A_model_has_one_set_of_adapters_and_a_set_one_model()
    {
        using Gpt2Model model = TestModels.Random(TestModels.Config), other = TestModels.Random(TestModels.Config);
        using Gpt2Model wide = TestModels.Random(TestModels.Config with { EmbeddingSize = 24 });
        using LoraAdapters first = new(model, TestAdapters.AllLayers, 1), second = new(model, TestAdapters.AllLayers, 2);
        Should.Throw<ArgumentException>(() => first.Attach(wide)).Message.ShouldContain("h.0.attn.c_attn of 12 inputs and 36 outputs");
        Should.Throw<ArgumentException>(() => first.MergeInto(wide));
        first.Attach(model);

        Should.Throw<InvalidOperationException>(() => second.Attach(model));
        Should.Throw<InvalidOperationException>(() => first.Attach(other));
        model.Adapters.ShouldBeSameAs(first);
        first.Detach();
        second.Attach(model);
        model.Adapters.ShouldBeSameAs(second);
    }
}
