using Quatrain.Tensors;
using Quatrain.Tokenizers;
using Quatrain.Training.Data.Quatrains;
using Quatrain.Training.Options;

namespace Quatrain.Training.Data;

/// <summary>What a run trains on: the tokens, how text becomes tokens, and what is known about the text.</summary>
public sealed record TrainingData
{
    // Enough that a run of the default preset sees hardly a verse twice, and made in well under a second.
    private const int TrainingVerses = 50_000;
    private const int ValidationVerses = 1_000;

    // Keep the seeds of the two texts apart; no run's training verses are the validation verses.
    private const ulong TrainingLabel = 0x7665727365, ValidationSeed = 0x76616C6964;

    /// <summary>The tokens.</summary>
    public required TokenDataset Tokens { get; init; }

    /// <summary>How text becomes tokens.</summary>
    public required ITokenizer Tokenizer { get; init; }

    /// <summary>The tokenizer as the run folder's tokenizer.json holds it.</summary>
    public required byte[] TokenizerJson { get; init; }

    /// <summary>The validation text, whose length in bytes the loss is a share of.</summary>
    public required string ValidationText { get; init; }

    /// <summary>The least mean loss a model can reach on the validation tokens, in nats a token, where it is known.</summary>
    public double? Floor { get; init; }

    /// <summary>The grammar that scores samples, where the text is verses.</summary>
    public QuatrainGrammar? Grammar { get; init; }

    /// <summary>What ends a record, where the text is made of records.</summary>
    public string? RecordEnd { get; init; }

    /// <summary>What samples begin with.</summary>
    public required string SamplePrompt { get; init; }

    /// <summary>Loads what <paramref name="options"/> name: built-in verses, Tiny Shakespeare, or the user's file or folder.</summary>
    /// <exception cref="InvalidDataException">The data can't be used; the message says why and what to do.</exception>
    public static async Task<TrainingData> LoadAsync(TrainingOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        TrainingData data = options.Data switch
        {
            TrainingOptions.QuatrainsData => Quatrains(options.Seed),
            TrainingOptions.ShakespeareData => FromText((await TinyShakespeare.LoadAsync(cancellation).ConfigureAwait(false)).Text, options),
            _ => FromText(TextFiles.Load(options.Data).Text, options),
        };
        data.Tokens.CheckContextLength(options.ContextLength);
        return data;
    }

    /// <summary>The verses of the built-in grammar. The validation verses are the same for every seed, so that runs can be compared.</summary>
    public static TrainingData Quatrains(ulong seed)
    {
        QuatrainGrammar grammar = QuatrainGrammar.Default;
        string validation = grammar.WriteText(ValidationSeed, ValidationVerses);
        // Reading verses takes many times as long as writing them; the training verses are written meanwhile.
        Task<double> surprise = Task.Run(() => grammar.NegativeLogProbability(validation));
        string train = grammar.WriteText(RandomSource.Mix(seed, TrainingLabel), TrainingVerses);
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText(train);
        TokenDataset tokens = new(
            tokenizer.Encode(train), tokenizer.Encode(validation), RecordStarts.AfterBlankLines(train), RecordStarts.AfterBlankLines(validation));
        return new TrainingData
        {
            Tokens = tokens,
            Tokenizer = tokenizer,
            TokenizerJson = tokenizer.ToJson(),
            ValidationText = validation,
            // The first character is not scored: it is the first verse's, which no model can tell from nothing; its share is far below rounding.
            Floor = surprise.GetAwaiter().GetResult() / validation.Length,
            Grammar = grammar,
            RecordEnd = "\n\n",
            SamplePrompt = "\n",
        };
    }

    private static TrainingData FromText(string text, TrainingOptions options)
    {
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText(text);
        TokenDataset tokens = TokenDataset.FromText(text, tokenizer, options.ValidationFraction);
        return new TrainingData
        {
            Tokens = tokens,
            Tokenizer = tokenizer,
            TokenizerJson = tokenizer.ToJson(),
            ValidationText = tokenizer.Decode(tokens.Validation.Span),
            SamplePrompt = text.Contains('\n', StringComparison.Ordinal) ? "\n" : tokenizer.Decode(tokens.Train.Span[..1]),
        };
    }
}
