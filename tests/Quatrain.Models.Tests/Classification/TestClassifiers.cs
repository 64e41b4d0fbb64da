using Quatrain.Models.Classification;
using Quatrain.Models.Tests.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Models.Tests.Classification;

/// <summary>Small classifiers whose every weight is random, and texts of unlike lengths for them.</summary>
internal static class TestClassifiers
{
    public const int Classes = 3, PadId = 4;

    public static int[][] Texts { get; } = [.. new[] { 5, 1, 21, 2, 13, 1, 8 }.Select((length, i) => TestModels.Tokens(length, TestModels.Config.VocabularySize, (ulong)i + 10))];

    public static Gpt2Classifier Random(Pooling pooling, ulong seed = 5)
    {
        Gpt2Classifier classifier = new(TestModels.Random(TestModels.Config, seed), Classes, pooling);
        RandomSource random = new(seed, 1);
        foreach (ref float weight in classifier.Head.Values)
        {
            weight = (float)random.NextNormal();
        }

        return classifier;
    }

    public static float[] Logits(Gpt2Classifier classifier, WorkerPool pool, int padId, params int[][] texts)
    {
        using Tape tape = new(pool, recording: false);
        tape.Begin();
        return classifier.Logits(tape, new PaddedBatch(texts, padId)).Values.ToArray();
    }

    public static float[] Logits(Gpt2Classifier classifier, WorkerPool pool) => Logits(classifier, pool, PadId, Texts);
}
