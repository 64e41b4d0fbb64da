using Quatrain.Models.Gpt2;
using Quatrain.Training.Data.Quatrains;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Hosting;

/// <summary>The model that a preset would train, without the text and the tokenizer that training it needs.</summary>
/// <param name="Name">The preset.</param>
/// <param name="Config">The model.</param>
/// <param name="Options">How it is trained.</param>
internal sealed record NamedModel(string Name, Gpt2Config Config, TrainingOptions Options)
{
    // Tiny Shakespeare's, which need not be fetched to say how large a model of it is.
    private const int ShakespeareCharacters = 65;

    // Those of GPT-2's tokenizer, which every other preset names.
    private const int Gpt2Tokens = 50_257;

    // What others measure GPT-2's sizes on, so that numbers can be compared.
    private const int PublishedBatchSize = 4, PublishedSequenceLength = 64;

    /// <summary>Whether it is of one of GPT-2's published sizes, whose context is fixed.</summary>
    private bool IsPublished => Options.Tokenizer != TrainingOptions.CharacterTokens;

    /// <exception cref="InvalidDataException">There is no such preset; the message lists those there are.</exception>
    public static NamedModel Find(string name)
    {
        TrainingOptions options = Presets.Load(name);
        return new NamedModel(name, ConfigOf(options), options);
    }

    /// <summary>
    /// The model on one batch of other sizes, as it is measured: sequences of another length change a small preset's context, and a published model's must be
    /// within its own. Where no sizes are given, those are the preset's, or for a published model 4 x 64 tokens.
    /// </summary>
    /// <exception cref="InvalidDataException">A size is impossible.</exception>
    public NamedModel With(int? batchSize, int? contextLength)
    {
        const int Limit = 1 << 20;
        TrainingOptions options = Options with
        {
            BatchSize = NumberOption.InRange(batchSize ?? (IsPublished ? PublishedBatchSize : Options.BatchSize), "--batch-size", Limit),
            ContextLength = NumberOption.InRange(
                contextLength ?? (IsPublished ? PublishedSequenceLength : Options.ContextLength), "--context-length", IsPublished ? Config.ContextLength : Limit),
            AccumulationSteps = 1,
        };
        (IsPublished ? options with { Data = TrainingOptions.ShakespeareData } : options).Validate();
        return this with { Options = options, Config = IsPublished ? Config : ConfigOf(options) };
    }

    private static Gpt2Config ConfigOf(TrainingOptions options) => TrainingRun.ModelConfig(
        options,
        options.Tokenizer != TrainingOptions.CharacterTokens ? Gpt2Tokens
            : options.Data == TrainingOptions.QuatrainsData ? QuatrainGrammar.Default.Alphabet.Length
            : ShakespeareCharacters);
}
