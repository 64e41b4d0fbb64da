using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Tests.Adapters;

/// <summary>Adapters whose every number is random, B's too.</summary>
internal static class TestAdapters
{
    public static LoraConfig AllLayers { get; } = new() { Rank = 3, Alpha = 4, Targets = ["*"] };

    public static LoraAdapters Random(Gpt2Model model, LoraConfig config, ulong seed = 7)
    {
        LoraAdapters adapters = new(model, config, seed);
        RandomSource random = new(seed);
        foreach (LoraAdapter adapter in adapters.Adapters)
        {
            foreach (ref float value in adapter.B.Values)
            {
                value = (float)(0.3 * random.NextNormal());
            }
        }

        return adapters;
    }

    public static float[] Logits(ILanguageModel model, WorkerPool pool, ReadOnlySpan<int> tokens, int batchSize = 1, KvCache? cache = null)
    {
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        return model.Forward(tape, tokens, batchSize, cache).Values.ToArray();
    }

    public static int[] Tokens(ILanguageModel model, int batchSize = 2) => TestModels.Tokens(batchSize * model.ContextLength, model.VocabularySize);
}
