using Quatrain.Models.Gpt2;
using Quatrain.Training.Data.Quatrains;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Hosting;

/// <summary>A model that a command is given by its name alone: what a preset would train, or one of GPT-2's published sizes.</summary>
/// <param name="Name">The name.</param>
/// <param name="Config">The model.</param>
/// <param name="Options">How it is trained.</param>
/// <param name="IsPublished">Whether it is one of the published sizes.</param>
internal sealed record NamedModel(string Name, Gpt2Config Config, TrainingOptions Options, bool IsPublished)
{
    // Tiny Shakespeare's, which need not be fetched to say how large a model of it is.
    private const int ShakespeareCharacters = 65;
    private const int PublishedBatchSize = 4;
    private const int PublishedSequenceLength = 64;

    /// <summary>All names: the presets', then the published sizes'.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Presets.Names, .. Gpt2Sizes.Names];

    /// <exception cref="InvalidDataException">There is no such model; the message lists those there are.</exception>
    public static NamedModel Find(string name)
    {
        if (Presets.Names.Contains(name))
        {
            TrainingOptions options = Presets.Load(name);
            return new NamedModel(name, PresetConfig(options), options, IsPublished: false);
        }

        if (Gpt2Sizes.Find(name) is { } config)
        {
            // Its sizes are in the config; the options say how a step goes.
            TrainingOptions options = new()
            {
                Initialization = InitializationScheme.Gpt2,
                BatchSize = PublishedBatchSize,
                ContextLength = PublishedSequenceLength,
            };
            return new NamedModel(name, config, options, IsPublished: true);
        }

        string there = Suggestion.Nearest(name, Names) is { } nearest ? $"did you mean '{nearest}'? There" : "there";
        throw new InvalidDataException($"Unknown preset '{name}'; {there} are {string.Join(", ", Names)}.");
    }

    /// <summary>The model on other batches: sequences of another length change a preset's context, and a published model's must be within its own.</summary>
    /// <exception cref="InvalidDataException">A size is impossible.</exception>
    public NamedModel With(int? batchSize, int? contextLength)
    {
        const int Limit = 1 << 20;
        TrainingOptions options = Options with
        {
            BatchSize = NumberOption.InRange(batchSize ?? Options.BatchSize, "--batch-size", Limit),
            ContextLength = NumberOption.InRange(contextLength ?? Options.ContextLength, "--context-length", IsPublished ? Config.ContextLength : Limit),
        };
        options.Validate();
        return this with { Options = options, Config = IsPublished ? Config : PresetConfig(options) };
    }

    private static Gpt2Config PresetConfig(TrainingOptions options) => TrainingRun.ModelConfig(
        options, options.Data == TrainingOptions.QuatrainsData ? QuatrainGrammar.Default.Alphabet.Length : ShakespeareCharacters);
}
