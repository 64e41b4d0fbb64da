using Quatrain.Inference.Classification;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Classification;
using Quatrain.Tensors;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Classification;

/// <summary>Classifiers whose every weight is random, in memory and in folders as fine-tuning leaves them.</summary>
internal static class SmallClassifier
{
    public const int ContextLength = 40;

    public static ClassifierSettings Settings { get; } = new()
    {
        Labels = ["ham", "spam", "other"],
        Pooling = Pooling.LastToken,
        MaxLength = 24,
        PadId = SmallBytePairs.EndOfTextId,
        Temperature = 1.5,
    };

    public static Gpt2Classifier Create(ClassifierSettings settings)
    {
        Gpt2Classifier classifier = new(RandomModel.Create(ContextLength, SmallBytePairs.Tokenizer.VocabularySize), settings.Labels.Count, settings.Pooling);
        RandomSource random = new(2);
        foreach (ref float weight in classifier.Head.Values)
        {
            weight = (float)(0.3 * random.NextNormal());
        }

        return classifier;
    }

    /// <summary>Writes classifier, tokenizer and settings to <paramref name="folder"/>.</summary>
    public static string Write(string folder, ClassifierSettings? settings = null)
    {
        settings ??= Settings;
        using Gpt2Classifier classifier = Create(settings);
        Gpt2ClassifierCheckpoint.Save(folder, classifier, settings.Labels, settings.PadId);
        WriteTokenizer(folder);
        settings.Write(folder);
        return folder;
    }

    public static void WriteTokenizer(string folder)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.Write(Path.Combine(folder, TokenizerFile.FileName), stream => stream.Write(SmallBytePairs.Tokenizer.ToJson()));
    }

    /// <summary>Texts of 0 to 60 tokens.</summary>
    public static string[] Texts(int count, ulong seed = 1)
    {
        RandomSource random = new(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(_ => string.Concat(Enumerable.Range(0, random.NextInt32(60)).Select(_ => (char)('a' + random.NextInt32(26))))),
        ];
    }
}
