using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Parallel;
using Quatrain.Tests;
using Xunit.Abstractions;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>
/// minGPT's gpt-nano, which sorts six digits: every value inside it against those PyTorch computed, and whether it sorts. Its weights come
/// through a checkpoint folder as a user's would.
/// </summary>
public sealed class NanoSortTests(ITestOutputHelper output) : IDisposable
{
    private const double Tolerance = 1e-5;
    private const int DigitCount = 6;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SharedDataFact(NanoSortData.ModelFile)]
    public void Every_value_inside_is_that_of_PyTorch()
    {
        NanoSortData data = NanoSortData.Load();
        using WorkerPool pool = new(2);
        using Gpt2Model model = Load(data);
        using Tape tape = new(pool, recording: false);
        Partials partials = new(data, output);
        Tensor Weight(string name) => model.Parameters[name].Tensor;
        int width = data.EmbeddingSize, length = data.ContextLength;

        tape.Begin();
        partials.Compare("tok_emb", [.. data.Tokens.SelectMany(token => Weight("wte.weight").Values.Slice(token * width, width).ToArray())]);
        partials.Compare("pos_emb", Weight("wpe.weight").Values);
        Tensor x = EmbeddingOp.Forward(tape, data.Tokens, data.BatchSize, Weight("wte.weight"), Weight("wpe.weight"));
        partials.Compare("x", x.Values);
        for (int block = 0; block < data.LayerCount; block++)
        {
            Tensor Part(string name) => Weight($"h.{block}.{name}");
            Tensor ln1 = LayerNormOp.Forward(tape, x, Part("ln_1.weight"), Part("ln_1.bias"), model.Config.LayerNormEpsilon);
            Tensor qkv = LinearOp.Forward(tape, ln1, Part("attn.c_attn.weight"), Part("attn.c_attn.bias"));
            Tensor y = CausalAttentionOp.Forward(tape, qkv, data.HeadCount);
            Tensor attnResid = LinearOp.Forward(tape, y, Part("attn.c_proj.weight"), Part("attn.c_proj.bias"), residual: x);
            Tensor ln2 = LayerNormOp.Forward(tape, attnResid, Part("ln_2.weight"), Part("ln_2.bias"), model.Config.LayerNormEpsilon);
            Tensor fc = LinearOp.Forward(tape, ln2, Part("mlp.c_fc.weight"), Part("mlp.c_fc.bias"));
            Tensor gelu = ActivationOp.Forward(tape, fc, Activation.GeluTanh);
            Tensor mlpResid = LinearOp.Forward(tape, gelu, Part("mlp.c_proj.weight"), Part("mlp.c_proj.bias"), residual: attnResid);
            if (block == 0)
            {
                partials.Compare("ln1", ln1.Values);
                partials.Compare("qkv", qkv.Values);
                CompareAttention(partials, data, qkv.Values.ToArray());
                partials.Compare("y", y.Values);
                partials.Compare("yProj", LinearOp.Forward(tape, y, Part("attn.c_proj.weight"), Part("attn.c_proj.bias")).Values);
                partials.Compare("attnResid", attnResid.Values);
                partials.Compare("ln2", ln2.Values);
                partials.Compare("fc", fc.Values);
                partials.Compare("gelu", gelu.Values);
                partials.Compare("mlp", LinearOp.Forward(tape, gelu, Part("mlp.c_proj.weight"), Part("mlp.c_proj.bias")).Values);
                partials.Compare("mlpResid", mlpResid.Values);
            }

            partials.Compare($"block{block}", mlpResid.Values);
            x = mlpResid;
        }

        Tensor norm = LayerNormOp.Forward(tape, x, Weight("ln_f.weight"), Weight("ln_f.bias"), model.Config.LayerNormEpsilon);
        partials.Compare("ln_f", norm.Values);
        Tensor logits = LinearOp.ForwardTransposed(tape, norm, Weight("lm_head.weight"));
        partials.Compare("lm_head", logits.Values);
        partials.Compare("probs", Softmax(logits.Values.ToArray(), data.VocabularySize));

        partials.Rest.ShouldBe(["idx"]);
        // So that what was compared is what the model computes.
        Tensor whole = model.Forward(tape, data.Tokens, data.BatchSize);
        whole.Values.SequenceEqual(logits.Values).ShouldBeTrue();
        length.ShouldBe(model.ContextLength);
    }

    [SharedDataFact(NanoSortData.ModelFile)]
    public void It_sorts_all_729_inputs_with_and_without_a_cache()
    {
        NanoSortData data = NanoSortData.Load();
        using WorkerPool pool = new(1);
        using Gpt2Model model = Load(data);
        using Tape tape = new(pool, recording: false);
        for (int number = 0; number < 729; number++)
        {
            int[] digits = new int[DigitCount];
            for (int i = 0, rest = number; i < DigitCount; i++, rest /= 3)
            {
                digits[i] = rest % 3;
            }

            (int[] sorted, float[] logits) = Generate(model, tape, digits, cache: null);
            using KvCache cache = model.NewCache(1);
            (int[] cachedSorted, float[] cachedLogits) = Generate(model, tape, digits, cache);

            sorted.ShouldBe(digits.Order());
            cachedSorted.ShouldBe(sorted);
            cachedLogits.ShouldBe(logits);
        }
    }

    private static (int[] Tokens, float[] Logits) Generate(Gpt2Model model, Tape tape, int[] prompt, KvCache? cache)
    {
        List<int> tokens = [.. prompt];
        List<float> allLogits = [];
        while (tokens.Count < 2 * DigitCount)
        {
            tape.Begin();
            int[] input = [.. tokens.Skip(cache?.Length ?? 0)];
            float[] logits = model.ForwardLast(tape, input, 1, cache).Values.ToArray();
            allLogits.AddRange(logits);
            tokens.Add(logits.IndexOf(logits.Max()));
        }

        return ([.. tokens.Skip(DigitCount)], [.. allLogits]);
    }

    /// <summary>The fused kernel keeps neither queries nor scores apart, so they are made again from what it was given.</summary>
    private static void CompareAttention(Partials partials, NanoSortData data, float[] qkv)
    {
        int heads = data.HeadCount, length = data.ContextLength, headSize = data.EmbeddingSize / heads;
        float[][] parts = [.. Enumerable.Range(0, 3).Select(_ => new float[data.BatchSize * heads * length * headSize])];
        for (int part = 0; part < 3; part++)
        {
            for (int i = 0; i < parts[part].Length; i++)
            {
                (int d, int t, int head, int b) =
                    (i % headSize, i / headSize % length, i / (headSize * length) % heads, i / (headSize * length * heads));
                parts[part][i] = qkv[((((((b * length) + t) * 3) + part) * heads + head) * headSize) + d];
            }
        }

        float[] scores = new float[data.BatchSize * heads * length * length];
        for (int i = 0; i < scores.Length; i++)
        {
            (int key, int query, int sequence) = (i % length, i / length % length, i / (length * length));
            double sum = 0;
            for (int d = 0; d < headSize; d++)
            {
                sum += (double)parts[0][(((sequence * length) + query) * headSize) + d] * parts[1][(((sequence * length) + key) * headSize) + d];
            }

            scores[i] = key > query ? float.NegativeInfinity : (float)(sum / Math.Sqrt(headSize));
        }

        partials.Compare("q", parts[0]);
        partials.Compare("k", parts[1]);
        partials.Compare("v", parts[2]);
        partials.Compare("att", scores);
        partials.Compare("attSm", Softmax(scores, length));
    }

    private static float[] Softmax(float[] rows, int columns)
    {
        float[] result = new float[rows.Length];
        for (int start = 0; start < rows.Length; start += columns)
        {
            double[] exponentials = [.. rows.AsSpan(start, columns).ToArray().Select(value => Math.Exp(value))];
            for (int i = 0; i < columns; i++)
            {
                result[start + i] = (float)(exponentials[i] / exponentials.Sum());
            }
        }

        return result;
    }

    private Gpt2Model Load(NanoSortData data)
    {
        Gpt2Config config = new()
        {
            LayerCount = data.LayerCount,
            HeadCount = data.HeadCount,
            EmbeddingSize = data.EmbeddingSize,
            ContextLength = data.ContextLength,
            VocabularySize = data.VocabularySize,
            TieEmbeddings = false,
        };
        Gpt2ConfigJson.Write(_folder.File("config.json"), config);
        SafetensorsWriter.Write(
            _folder.File("model.safetensors"),
            [.. data.Gpt2Weights().Select(weight => new SafetensorsTensor(weight.Key, weight.Value.Shape, weight.Value.Data))]);
        return Gpt2Checkpoint.Load(_folder.FullName);
    }

    /// <summary>Compares with the stored values and keeps count of which were compared.</summary>
    private sealed class Partials(NanoSortData data, ITestOutputHelper output)
    {
        private readonly HashSet<string> _rest = [.. data.Partials.Keys];

        public IEnumerable<string> Rest => _rest;

        public void Compare(string name, ReadOnlySpan<float> actual)
        {
            double largest = Differences.Largest(actual, data.Partials[name].Data);
            output.WriteLine($"{name}: within {largest:E1}");
            largest.ShouldBeLessThan(Tolerance, name);
            _rest.Remove(name);
        }
    }
}
