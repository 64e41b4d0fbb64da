using Quatrain.Models.Gpt2;
using Quatrain.Tensors;

namespace Quatrain.Models.Tests.Gpt2;

/// <summary>Small models whose every weight, biases and norms too, is random, so that none can be forgotten unnoticed.</summary>
internal static class TestModels
{
    public static Gpt2Config Config { get; } = new()
    {
        LayerCount = 2,
        HeadCount = 3,
        EmbeddingSize = 12,
        ContextLength = 21,
        VocabularySize = 29,
    };

    public static Gpt2Model Random(Gpt2Config config, ulong seed = 1)
    {
        Gpt2Model model = new(config);
        RandomSource random = new(seed);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            foreach (ref float weight in parameter.Tensor.Values)
            {
                weight = (float)(0.3 * random.NextNormal());
            }
        }

        return model;
    }

    public static int[] Tokens(int count, int vocabularySize, ulong seed = 2)
    {
        RandomSource random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextInt32(vocabularySize))];
    }
}
