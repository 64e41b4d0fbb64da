using Quatrain.Models.Gpt2;

namespace Quatrain.Inference.Tests.Evaluation;

/// <summary>A model that always foretells the next id: 1 after 0, 2 after 1, and 0 after the last.</summary>
internal static class SuccessorModel
{
    public static Gpt2Model Create(int contextLength, int vocabularySize, float certainty = 4)
    {
        Gpt2Model model = new(new Gpt2Config
        {
            LayerCount = 1,
            HeadCount = 1,
            EmbeddingSize = vocabularySize,
            ContextLength = contextLength,
            VocabularySize = vocabularySize,
            TieEmbeddings = false,
        });
        // Blocks of zeros add nothing, so the last norm sees the token's own vector.
        model.Parameters["ln_f.weight"].Tensor.Values.Fill(1);
        for (int id = 0; id < vocabularySize; id++)
        {
            model.Parameters["wte.weight"].Tensor.Values[id * vocabularySize + id] = 1;
            model.Parameters["lm_head.weight"].Tensor.Values[(id + 1) % vocabularySize * vocabularySize + id] = certainty;
        }

        return model;
    }
}
