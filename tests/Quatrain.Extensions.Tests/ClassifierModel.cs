using Quatrain.Inference.Classification;
using Quatrain.Inference.Tests;
using Quatrain.Models.Classification;
using Quatrain.Tensors;
using Quatrain.Training.Tests;

namespace Quatrain.Extensions.Tests;

/// <summary>Folders with a random classifier, as fine-tuning leaves them.</summary>
internal static class ClassifierModel
{
    public const int MaxLength = 24;

    private static readonly string[] Labels = ["ham", "spam"];

    /// <summary>Fifty texts, some of each class.</summary>
    public static IReadOnlyList<string> Texts { get; } =
        [.. Enumerable.Range(0, 50).Select(i => $"{"the end"[..(1 + (i % 7))]} {i}{new string('z', i % 5)} {(char)('A' + (7 * i % 50))}")];

    /// <summary>Writes model, tokenizer and classifier.json to <paramref name="folder"/>.</summary>
    public static string Write(string folder)
    {
        using Gpt2Classifier classifier = new(RandomModel.Create(MaxLength, SmallBytePairs.Tokenizer.VocabularySize), Labels.Length, Pooling.LastToken);
        RandomSource random = new(5);
        foreach (ref float weight in classifier.Head.Values)
        {
            weight = (float)random.NextNormal();
        }

        int padId = SmallBytePairs.EndOfTextId;
        Gpt2ClassifierCheckpoint.Save(folder, classifier, Labels, padId);
        ClassifierSettings settings = new() { Labels = Labels, Pooling = Pooling.LastToken, MaxLength = MaxLength, PadId = padId };
        settings.Write(folder);
        Inference.ModelTokenizer.Write(folder, SmallBytePairs.Tokenizer, MaxLength);
        (settings with { Threshold = new ClassThreshold(1, MedianOfSpam(folder)) }).Write(folder);
        return folder;
    }

    // Random weights would likely call all texts the same; half of them are to be spam.
    private static double MedianOfSpam(string folder)
    {
        using TextClassifier classifier = TextClassifier.Load(folder, new TextClassifierOptions { Threads = 1 });
        return classifier.ClassifyAll(Texts).Select(result => result.Probabilities[1]).Order().ElementAt(Texts.Count / 2);
    }
}
