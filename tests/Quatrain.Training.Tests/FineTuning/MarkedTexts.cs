using Quatrain.Models.Classification;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Training.FineTuning;

namespace Quatrain.Training.Tests.FineTuning;

/// <summary>Made-up texts whose class is the token at a known place, and small classifiers to learn it.</summary>
internal static class MarkedTexts
{
    public const int Vocabulary = 20, PadId = 0, Place = 2;

    private const int Classes = 3;

    public static Gpt2Config Config { get; } = new()
    {
        LayerCount = 3,
        HeadCount = 2,
        EmbeddingSize = 24,
        ContextLength = 16,
        VocabularySize = Vocabulary,
        EmbeddingDropout = 0,
        AttentionDropout = 0,
        ResidualDropout = 0,
    };

    public static ClassificationExample[] Make(int count, ulong seed)
    {
        RandomSource random = new(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(_ =>
            {
                int[] ids = [.. Enumerable.Range(0, Place + 1 + random.NextInt32(12 - Place)).Select(_ => 1 + random.NextInt32(Vocabulary - 1))];
                return new ClassificationExample(ids, ids[Place] % Classes);
            }),
        ];
    }

    public static Gpt2Classifier Classifier(Pooling pooling = Pooling.LastToken, float dropout = 0, ulong seed = 3)
    {
        Gpt2Model model = new(Config with { EmbeddingDropout = dropout, AttentionDropout = dropout, ResidualDropout = dropout });
        Gpt2Initialization.Initialize(model, InitializationScheme.NanoGpt, seed);
        Gpt2Classifier classifier = new(model, Classes, pooling);
        classifier.InitializeHead(seed);
        return classifier;
    }

    public static ClassificationTask Task(Gpt2Classifier classifier, TrainedPart part, int training = 60, int validation = 20) =>
        new(classifier, part.Apply(classifier.Model), Make(training, 1), Make(validation, 2), [], PadId);

    /// <summary>All weights of a classifier, one after the other.</summary>
    public static float[] Weights(Gpt2Classifier classifier) =>
        [.. classifier.Model.Parameters.Parameters.SelectMany(p => p.Tensor.Values.ToArray()), .. classifier.Head.Values];
}
