using System.Text;
using Quatrain.Inference;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;

namespace Quatrain.Training.Tests.FineTuning;

/// <summary>Made-up messages, a third of them spam, and a tiny random model to make a classifier from.</summary>
internal static class SpamTexts
{
    public const int ContextLength = 48;

    private static readonly string[] Common = ["the", "and", "see", "you", "later", "at", "home", "queue", "tea", "ok"];
    private static readonly string[] Marks = ["WIN", "FREE", "CALL"];

    /// <summary>Texts with their labels; every third is spam, so that a spam and a ham always stand side by side.</summary>
    public static (string Label, string Text)[] Make(int count, ulong seed = 1)
    {
        RandomSource random = new(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                bool isSpam = i % 3 == 1;
                string words = string.Join(' ', Enumerable.Range(0, 2 + random.NextInt32(5)).Select(_ => Common[random.NextInt32(Common.Length)]));
                return (isSpam ? "spam" : "ham", $"{words} {(isSpam ? Marks[random.NextInt32(3)] : "so")} {i}");
            }),
        ];
    }

    public static string Csv(IEnumerable<(string Label, string Text)> texts)
    {
        StringBuilder csv = new("label,text\n");
        foreach ((string label, string text) in texts)
        {
            csv.Append(label).Append(",\"").Append(text.Replace("\"", "\"\"", StringComparison.Ordinal)).Append("\"\n");
        }

        return csv.ToString();
    }

    /// <summary>Writes a model of random weights with its tokenizer to <paramref name="folder"/>.</summary>
    public static string WriteModel(string folder, ulong seed = 1)
    {
        using Gpt2Model model = new(new Gpt2Config
        {
            LayerCount = 2,
            HeadCount = 2,
            EmbeddingSize = 16,
            ContextLength = ContextLength,
            VocabularySize = SmallBytePairs.Tokenizer.VocabularySize,
        });
        Gpt2Initialization.Initialize(model, InitializationScheme.NanoGpt, seed);
        Gpt2Checkpoint.Save(folder, model);
        ModelTokenizer.Write(folder, SmallBytePairs.Tokenizer, ContextLength);
        return folder;
    }
}
