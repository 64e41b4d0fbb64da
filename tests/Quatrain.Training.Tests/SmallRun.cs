using System.Runtime.InteropServices;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tokenizers;
using Quatrain.Training.Data;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests;

/// <summary>A text and options so small that training takes a fraction of a second.</summary>
internal static class SmallRun
{
    private static readonly string[] Words =
        ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "while", "my", "sphinx", "of", "black", "quartz", "judges", "a", "vow"];

    /// <summary>Sentences of words drawn one by one.</summary>
    public static string Text { get; } = MakeText(new RandomSource(7), sentences: 300);

    public static CharacterTokenizer Tokenizer { get; } = CharacterTokenizer.FromText(Text);

    public static TokenDataset Tokens { get; } = TokenDataset.FromText(Text, Tokenizer, 0.1);

    public static TrainingOptions Options { get; } = new()
    {
        LayerCount = 1,
        HeadCount = 2,
        EmbeddingSize = 16,
        ContextLength = 16,
        Bias = true,
        BatchSize = 4,
        Iterations = 20,
        WarmupIterations = 2,
        Seed = 5,
    };

    public static Gpt2Model NewModel(TrainingOptions options, int vocabularySize)
    {
        Gpt2Model model = new(TrainingRun.ModelConfig(options, vocabularySize));
        Gpt2Initialization.Initialize(model, options.Initialization, options.Seed);
        return model;
    }

    /// <summary>A new model with every weight random, biases and norms too, so that none can be left out unnoticed.</summary>
    public static Gpt2Model RandomModel(TrainingOptions options, int vocabularySize)
    {
        Gpt2Model model = NewModel(options, vocabularySize);
        RandomSource random = new(9);
        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            foreach (ref float weight in parameter.Tensor.Values)
            {
                weight = (float)(0.2 * random.NextNormal());
            }
        }

        return model;
    }

    /// <summary>The bits of all weights, in the model's order.</summary>
    public static byte[] Bits(Gpt2Model model) =>
        [.. model.Parameters.Parameters.SelectMany(parameter => MemoryMarshal.AsBytes(parameter.Tensor.Values).ToArray())];

    /// <summary>The bits of both moments of all weights.</summary>
    public static byte[] Bits(Gpt2Model model, AdamW optimizer) =>
        [.. model.Parameters.Parameters.SelectMany(parameter =>
            (byte[])[.. MemoryMarshal.AsBytes(optimizer.FirstMoment(parameter)), .. MemoryMarshal.AsBytes(optimizer.SecondMoment(parameter))])];

    private static string MakeText(RandomSource random, int sentences) => string.Concat(
        Enumerable.Range(0, sentences).Select(_ =>
            string.Join(' ', Enumerable.Range(0, 3 + random.NextInt32(4)).Select(_ => Words[random.NextInt32(Words.Length)])) + ".\n"));
}
