using Quatrain.Models.Gpt2;
using Quatrain.Tensors;

namespace Quatrain.Inference.Tests;

/// <summary>Small models whose every weight is random: their texts make no sense but differ for every prompt and position.</summary>
internal static class RandomModel
{
    public static Gpt2Model Create(int contextLength, int vocabularySize, ulong seed = 1)
    {
        Gpt2Model model = new(new Gpt2Config
        {
            LayerCount = 2,
            HeadCount = 2,
            EmbeddingSize = 16,
            ContextLength = contextLength,
            VocabularySize = vocabularySize,
        });
        RandomSource random = new(seed);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            foreach (ref float weight in parameter.Tensor.Values)
            {
                weight = (float)(0.4 * random.NextNormal());
            }
        }

        return model;
    }
}
