using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>Models opened for inference: mapped or converted weights, of every format.</summary>
public sealed class Gpt2MappingTests : IDisposable
{
    private static readonly Gpt2Config Config = TestModels.Config with { EmbeddingSize = 48, VocabularySize = 71 };

    private readonly TemporaryFolder _folder = new();
    private readonly WorkerPool _pool = new(2);

    public void Dispose()
    {
        _pool.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("hf-f32")]
    [InlineData("hf-f16")]
    [InlineData("hf-bf16")]
    [InlineData("tiny-f32.gguf")]
    [InlineData("tiny-f16.gguf")]
    [InlineData("tiny-bf16.gguf")]
    [InlineData("tiny-f32.bin")]
    public void A_mapped_file_of_any_format_gives_the_bits_of_the_loaded_one(string file)
    {
        string path = Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "import", file);
        using Gpt2Model loaded = Gpt2Checkpoint.Load(path), mapped = Gpt2Checkpoint.Map(path, null, _pool);

        Logits(mapped).ShouldBe(Logits(loaded));
        Logits(mapped, 1).ShouldBe(Logits(loaded, 1));
    }

    [Fact]
    public void What_lies_as_it_is_needed_takes_no_memory_and_the_rest_is_converted()
    {
        using Gpt2Model model = Saved();
        using Gpt2Model mapped = Gpt2Checkpoint.Map(_folder.FullName, null, _pool), int8 = Gpt2Checkpoint.Map(_folder.FullName, WeightFormat.Int8, _pool);

        mapped.Parameters.AttachedBytes.ShouldBe(0);
        int8.Parameters.AttachedBytes.ShouldBeGreaterThan(0);
        int8.Parameters["h.0.mlp.c_fc.weight"].Tensor.Format.ShouldBe(WeightFormat.Int8);
        int8.Parameters["wte.weight"].Tensor.Format.ShouldBe(WeightFormat.Int8);
        int8.Parameters["wpe.weight"].Tensor.Format.ShouldBe(WeightFormat.Float32);
        int8.Parameters["h.0.mlp.c_fc.bias"].Tensor.Format.ShouldBe(WeightFormat.Float32);
    }

    [Fact]
    public void Bfloat16_weights_give_the_bits_of_a_model_of_rounded_weights()
    {
        using Gpt2Model model = Saved();
        using Gpt2Model mapped = Gpt2Checkpoint.Map(_folder.FullName, WeightFormat.BFloat16, _pool);
        foreach (Parameter parameter in model.Parameters.Parameters.Where(parameter => parameter.IsMatrix && parameter.Name != "wpe.weight"))
        {
            foreach (ref float weight in parameter.Tensor.Values)
            {
                uint bits = BitConverter.SingleToUInt32Bits(weight);
                weight = BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
            }
        }

        Logits(mapped).ShouldBe(Logits(model));
        Logits(mapped, 2).ShouldBe(Logits(model, 2));
    }

    [Fact]
    public void Int8_weights_give_nearly_the_logits_of_float32()
    {
        using Gpt2Model model = Saved();
        using Gpt2Model mapped = Gpt2Checkpoint.Map(_folder.FullName, WeightFormat.Int8, _pool);

        float[] expected = Logits(model), actual = Logits(mapped);
        double error = Math.Sqrt(expected.Zip(actual, (a, b) => (double)(a - b) * (a - b)).Sum() / expected.Sum(a => (double)a * a));
        error.ShouldBeGreaterThan(0);
        error.ShouldBeLessThan(0.03);
    }

    [Fact]
    public void A_q8_file_is_mapped_as_it_lies_and_gives_nearly_the_logits_of_what_it_stands_for()
    {
        string path = Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "import", "tiny-q8_0.gguf");
        using Gpt2Model loaded = Gpt2Checkpoint.Load(path), mapped = Gpt2Checkpoint.Map(path, null, _pool);

        mapped.Parameters["h.0.mlp.c_fc.weight"].Tensor.Format.ShouldBe(WeightFormat.Int8);
        mapped.Parameters.AttachedBytes.ShouldBe(0);
        float[] expected = Logits(loaded), actual = Logits(mapped);
        expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max().ShouldBeLessThan(0.03f * expected.Max(Math.Abs));
    }

    [Theory]
    [InlineData(WeightFormat.BFloat16)]
    [InlineData(WeightFormat.Int8)]
    public void Cached_decoding_gives_the_bits_of_the_whole(WeightFormat format)
    {
        Saved().Dispose();
        using Gpt2Model mapped = Gpt2Checkpoint.Map(_folder.FullName, format, _pool);
        float[] whole = Logits(mapped);
        int[] tokens = TestModels.Tokens(mapped.ContextLength, mapped.VocabularySize);
        using WorkerPool one = new(1);
        using Tape tape = new(one, recording: false);
        using KvCache cache = mapped.NewCache(1);
        for (int t = 0; t < tokens.Length; t++)
        {
            tape.Begin();
            mapped.Forward(tape, tokens.AsSpan(t, 1), 1, cache).Values.ToArray().ShouldBe(whole[(t * mapped.VocabularySize)..((t + 1) * mapped.VocabularySize)]);
        }
    }

    [Fact]
    public void What_is_held_for_inference_cannot_be_trained_or_written()
    {
        Saved().Dispose();
        using Gpt2Model mapped = Gpt2Checkpoint.Map(_folder.FullName, null, _pool);
        using Tape tape = new(_pool, recording: true);

        Should.Throw<InvalidOperationException>(mapped.Parameters.AllocateGradients).Message.ShouldContain("inference");
        Should.Throw<InvalidOperationException>(mapped.Parameters.Allocate).Message.ShouldContain("inference");
        Should.Throw<InvalidOperationException>(() => mapped.Parameters["wte.weight"].Tensor.Values[0] = 1).Message.ShouldContain("inference");
        Should.Throw<InvalidOperationException>(() => mapped.Forward(tape, [1, 2], 1)).Message.ShouldContain("EmbeddingOp");
        Should.Throw<InvalidOperationException>(() => mapped.Logits(tape, EmbeddingOp.Forward(tape, [1], 1, Saved().Parameters["wte.weight"].Tensor, Saved().Parameters["wpe.weight"].Tensor)))
            .Message.ShouldContain("LinearOp");
    }

    [Theory]
    [InlineData(null)]
    [InlineData(WeightFormat.BFloat16)]
    [InlineData(WeightFormat.Int8)]
    public void Weights_that_are_not_finite_are_refused(WeightFormat? format)
    {
        using (Gpt2Model model = Saved())
        {
            foreach (string name in (string[])["h.1.ln_2.bias", "h.1.mlp.c_proj.weight"])
            {
                float before = model.Parameters[name].Tensor.Values[^1];
                byte[] file = File.ReadAllBytes(_folder.File("model.safetensors"));
                int at = IndexOf(file, model.Parameters[name].Tensor.Values);
                BitConverter.TryWriteBytes(file.AsSpan(at + (model.Parameters[name].Tensor.Shape.ElementCount - 1) * sizeof(float)), float.NaN);
                File.WriteAllBytes(_folder.File("model.safetensors"), file);

                string message = Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Map(_folder.FullName, format, _pool)).Message;

                message.ShouldContain(name);
                message.ShouldContain("holds NaN at element");
                model.Parameters[name].Tensor.Values[^1] = before;
                Gpt2Checkpoint.Save(_folder.FullName, model);
            }
        }
    }

    [Fact]
    public void Truncated_weights_are_refused_at_every_length()
    {
        Saved().Dispose();
        string path = _folder.File("model.safetensors");
        byte[] whole = File.ReadAllBytes(path);
        for (int length = 0; length < whole.Length; length += length < 64 ? 1 : 9973)
        {
            File.WriteAllBytes(path, whole[..length]);

            Should.Throw<InvalidDataException>(() => Gpt2Checkpoint.Map(_folder.FullName, null, _pool)).Message.ShouldContain(path);
        }
    }

    private Gpt2Model Saved()
    {
        Gpt2Model model = TestModels.Random(Config);
        Gpt2Checkpoint.Save(_folder.FullName, model);
        return model;
    }

    private float[] Logits(Gpt2Model model, int batchSize = 1)
    {
        using Tape tape = new(_pool, recording: false);
        tape.Begin();
        int length = model.ContextLength / batchSize;
        return model.Forward(tape, TestModels.Tokens(batchSize * length, model.VocabularySize), batchSize).Values.ToArray();
    }

    private static int IndexOf(byte[] file, ReadOnlySpan<float> values) =>
        file.AsSpan().IndexOf(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));
}
