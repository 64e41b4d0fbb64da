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

    /// <summary>The validation text.</summary>
    public string ValidationText => Tokenizer.Decode(Tokens.Validation.Span);

    /// <summary>What a token is: <c>character</c>, or <c>token</c> where one may hold more or less than that.</summary>
    public string TokenName => Tokenizer is CharacterTokenizer ? "character" : "token";

    /// <summary>The least mean loss a model can reach on the validation tokens, in nats a token, where it is known.</summary>
    public double? Floor { get; init; }

    /// <summary>The grammar that scores samples, where the text is verses.</summary>
    public QuatrainGrammar? Grammar { get; init; }

    /// <summary>What ends a record, where the text is made of records.</summary>
    public string? RecordEnd { get; init; }

    /// <summary>What samples begin with; at least one token.</summary>
    public required IReadOnlyList<int> SamplePrompt { get; init; }

    /// <summary>The text that ends a sample, where the data say where one ends.</summary>
    public string? SampleEnd { get; init; }

    /// <summary>Loads what <paramref name="options"/> name: built-in verses, Tiny Shakespeare, or the user's file or folder.</summary>
    /// <param name="options">The options.</param>
    /// <param name="tokenizer">The tokenizer that they name, where the caller has it already; a tokenizer of characters is made from the text.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidDataException">The data can't be used; the message says why and what to do.</exception>
    public static async Task<TrainingData> LoadAsync(TrainingOptions options, ITokenizer? tokenizer = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        tokenizer ??= LoadTokenizer(options);
        TrainingData data = options.Data switch
        {
            TrainingOptions.QuatrainsData => Quatrains(options.Seed),
            TrainingOptions.ShakespeareData => FromText((await TinyShakespeare.LoadAsync(cancellation).ConfigureAwait(false)).Text, options, tokenizer),
            _ => FromText(TextFiles.Load(options.Data, Separator(options, tokenizer)).Text, options, tokenizer),
        };
        data.Tokens.CheckContextLength(options.ContextLength);
        return data;
    }

    /// <summary>The tokenizer that <paramref name="options"/> name, or null where it is made from the text.</summary>
    /// <exception cref="InvalidDataException">There is none of that name, or it is damaged.</exception>
    public static ITokenizer? LoadTokenizer(TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Tokenizer == TrainingOptions.CharacterTokens ? null : TokenizerChoice.Load(options.Tokenizer);
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
            // The first character is not scored: it is the first verse's, which no model can tell from nothing; its share is far below rounding.
            Floor = surprise.GetAwaiter().GetResult() / validation.Length,
            Grammar = grammar,
            RecordEnd = "\n\n",
            SampleEnd = "\n\n",
            SamplePrompt = tokenizer.Encode("\n"),
        };
    }

    private static TrainingData FromText(string text, TrainingOptions options, ITokenizer? named)
    {
        ITokenizer tokenizer = named ?? CharacterTokenizer.FromText(text);
        TokenDataset tokens = TokenDataset.FromText(text, tokenizer, options.ValidationFraction, endOfText: options.EndOfText);
        bool hasDocuments = options.EndOfText && tokenizer.EndOfTextId is { } end && tokens.Train.Span.Contains(end);
        return new TrainingData
        {
            Tokens = tokens,
            Tokenizer = tokenizer,
            // Texts begin after the end of another where the model has seen that, else on a new line, else as the training text does.
            SamplePrompt = hasDocuments ? [tokenizer.EndOfTextId!.Value]
                : text.Contains('\n', StringComparison.Ordinal) ? tokenizer.Encode("\n")
                : [.. tokens.Train.Span[..Math.Min(1, tokens.Train.Length)]],
            SampleEnd = hasDocuments ? tokenizer.Decode([tokenizer.EndOfTextId!.Value]) : null,
        };
    }

    private static string Separator(TrainingOptions options, ITokenizer? tokenizer) =>
        tokenizer is null ? TextFiles.LineEnd : new DocumentEncoder(tokenizer, options.EndOfText).Marker ?? TextFiles.LineEnd;
}
