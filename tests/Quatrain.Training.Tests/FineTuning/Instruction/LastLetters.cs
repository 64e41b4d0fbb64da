using Quatrain.Inference;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Training.FineTuning;
using Quatrain.Training.Logging;

namespace Quatrain.Training.Tests.FineTuning.Instruction;

/// <summary>Made-up instructions that are answered by their last letter, and a small random model in a folder to learn it.</summary>
internal static class LastLetters
{
    public const int ContextLength = 40;

    // None of which the tokenizer joins.
    private const string Letters = "bcdfgklm";

    public static Gpt2Config Config { get; } = new()
    {
        LayerCount = 2,
        HeadCount = 2,
        EmbeddingSize = 24,
        ContextLength = ContextLength,
        VocabularySize = SmallBytePairs.Tokenizer.VocabularySize,
        EmbeddingDropout = 0,
        AttentionDropout = 0,
        ResidualDropout = 0,
    };

    public static string WriteModel(string folder)
    {
        Directory.CreateDirectory(folder);
        using Gpt2Model model = new(Config);
        Gpt2Initialization.Initialize(model, InitializationScheme.NanoGpt, 5);
        Gpt2Checkpoint.Save(folder, model);
        ModelTokenizer.Write(folder, SmallBytePairs.Tokenizer, ContextLength);
        return folder;
    }

    /// <summary>JSON lines; every entry whose number can be divided by <paramref name="longEvery"/> has a prompt beyond the context.</summary>
    public static string Data(int count, int longEvery = int.MaxValue)
    {
        RandomSource random = new(7);
        return string.Concat(Enumerable.Range(1, count).Select(number =>
        {
            string text = string.Concat(Enumerable.Range(0, 3).Select(_ => Letters[random.NextInt32(Letters.Length)]));
            string instruction = number % longEvery == 0 ? new string('x', 2 * ContextLength) + text : text;
            return $$"""{"instruction": "{{instruction}}", "output": "{{text[^1]}}"}""" + "\n";
        }));
    }
}

/// <summary>Cancels where a test says.</summary>
internal sealed class CancellingObserver : IFineTuningObserver
{
    public Action<long>? Stepped { get; init; }

    public Action<long>? Evaluation { get; init; }

    public void Precomputed(int done, int count)
    {
    }

    public void StepDone(StepRecord record, long steps) => Stepped?.Invoke(record.Step);

    public void Evaluated(EvaluationRecord record, bool isBest) => Evaluation?.Invoke(record.Step);
}
