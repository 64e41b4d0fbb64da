using Quatrain.Tests;

namespace Quatrain.Models.Tests.Fixtures;

public sealed class NanoSortDataTests
{
    [SharedDataFact(NanoSortData.ModelFile)]
    public void Load_reads_embeddings_that_belong_to_the_tokens()
    {
        NanoSortData data = NanoSortData.Load();
        float[] tokenEmbeddings = data.Model["transformer.wte.weight"].Data;
        int width = data.EmbeddingSize;

        data.Tokens.Length.ShouldBe(data.BatchSize * data.ContextLength);
        float[] expected = [.. data.Tokens.SelectMany(token => tokenEmbeddings.Skip(token * width).Take(width))];
        data.Partials["tok_emb"].Data.ShouldBe(expected);
    }

    [SharedDataFact(NanoSortData.ModelFile)]
    public void Gpt2_weights_give_the_stored_query_key_values()
    {
        NanoSortData data = NanoSortData.Load();
        Dictionary<string, (long[] Shape, float[] Data)> weights = data.Gpt2Weights();
        (long[] shape, float[] weight) = weights["h.0.attn.c_attn.weight"];
        float[] bias = weights["h.0.attn.c_attn.bias"].Data;
        float[] x = data.Partials["ln1"].Data;
        float[] expected = data.Partials["qkv"].Data;
        int width = data.EmbeddingSize;

        shape.ShouldBe([width, 3 * width]);
        for (int i = 0; i < expected.Length; i++)
        {
            int row = i / bias.Length;
            int column = i % bias.Length;
            double sum = bias[column];
            for (int k = 0; k < width; k++)
            {
                sum += (double)x[(row * width) + k] * weight[(k * bias.Length) + column];
            }

            sum.ShouldBe(expected[i], 1e-6);
        }
    }

    [SharedDataFact(NanoSortData.ModelFile)]
    public void Gpt2_weights_leave_out_the_masks_and_keep_the_head()
    {
        Dictionary<string, (long[] Shape, float[] Data)> weights = NanoSortData.Load().Gpt2Weights();

        // Twelve a block; two embeddings; the last norm's two; the head.
        weights.Count.ShouldBe((3 * 12) + 2 + 2 + 1);
        weights.Keys.ShouldNotContain("h.0.attn.bias");
        weights["lm_head.weight"].Shape.ShouldBe([3, 48]);
        weights["h.2.mlp.c_proj.weight"].Shape.ShouldBe([192, 48]);
    }
}
