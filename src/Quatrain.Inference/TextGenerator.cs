using System.Diagnostics;
using Quatrain.Models;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference;

/// <summary>What came of a generation.</summary>
/// <param name="Text">The new text, without the stop text that ended it; null for a model without a tokenizer.</param>
/// <param name="PromptIds">The prompt's token ids.</param>
/// <param name="CachedTokens">Those of the prompt's tokens that needed no reading, because a sequence before began with them.</param>
/// <param name="Ids">The new token ids, those of a stop text included, a stop token not.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="TokensPerSecond">New tokens by the time from when the prompt was taken up, its reading included.</param>
public sealed record GenerationResult(
    string? Text, IReadOnlyList<int> PromptIds, int CachedTokens, IReadOnlyList<int> Ids, FinishReason FinishReason, double TokensPerSecond);

/// <summary>Continues text: generates, decodes as it goes, and ends at stop texts; one prompt, or many side by side.</summary>
/// <remarks>
/// What a prompt gets depends on it, its options and the model, not on what else is generated beside it. Not safe for use by several threads at a time; make
/// one for each.
/// </remarks>
public sealed class TextGenerator : IDisposable
{
    private readonly TokenGenerator _generator;
    private readonly ITokenizer? _tokenizer;

    /// <summary>A generator over <paramref name="model"/>, which it does not own.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer, or null: then prompts are ids, there is no text, and stop texts are refused.</param>
    /// <param name="pool">The workers.</param>
    /// <param name="keepsCaches">As for <see cref="TokenGenerator(ILanguageModel, WorkerPool, bool)"/>.</param>
    public TextGenerator(ILanguageModel model, ITokenizer? tokenizer, WorkerPool pool, bool keepsCaches = false)
    {
        _generator = new TokenGenerator(model, pool, keepsCaches);
        _tokenizer = tokenizer;
    }

    /// <summary>Continues <paramref name="prompt"/>.</summary>
    /// <param name="prompt">Token ids; at least one.</param>
    /// <param name="options">How much, how, and when to stop.</param>
    /// <param name="show">Gets the new text piece by piece as soon as it is certain, or null.</param>
    /// <param name="cancellation">Ends the generation between two tokens; what is there is returned.</param>
    /// <exception cref="InvalidDataException">The prompt or an option is impossible.</exception>
    public GenerationResult Generate(
        IReadOnlyList<int> prompt, GenerationOptions options, Action<string>? show = null, CancellationToken cancellation = default)
    {
        GenerationResult? result = null;
        GenerateBatch([new TextRequest(prompt, options, it => result = it) { Show = show, Cancellation = cancellation }], 1, CancellationToken.None);
        return result!;
    }

    /// <summary>Continues <paramref name="prompt"/> in <paramref name="count"/> ways side by side and returns the new texts.</summary>
    /// <exception cref="InvalidDataException">The prompt or an option is impossible, or the model has no tokenizer.</exception>
    public IReadOnlyList<string> GenerateMany(string prompt, int count, GenerationOptions options, CancellationToken cancellation = default) =>
        GenerateMany(RequireTokenizer().Encode(prompt), count, options, cancellation);

    /// <summary>Continues the text of <paramref name="prompt"/>, at least one token id, in the same way.</summary>
    /// <inheritdoc cref="GenerateMany(string, int, GenerationOptions, CancellationToken)"/>
    public IReadOnlyList<string> GenerateMany(IReadOnlyList<int> prompt, int count, GenerationOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ITokenizer tokenizer = RequireTokenizer();
        TextReceiver[] texts = [.. Enumerable.Range(0, count).Select(_ => new TextReceiver(tokenizer, options.Stop, show: null))];
        _generator.GenerateMany([.. prompt], count, options, (sample, id) => texts[sample].Add(id), cancellation);
        return [.. texts.Select(text => text.Finish())];
    }

    /// <summary>
    /// Continues any number of prompts, up to <paramref name="batchSize"/> of them side by side: when one is complete, the next takes its place. Each gets the
    /// text that <see cref="Generate"/> would give it.
    /// </summary>
    /// <param name="requests">The prompts; one is asked for when there is a place for it, so they need not be in memory together.</param>
    /// <param name="batchSize">The most prompts side by side.</param>
    /// <param name="cancellation">Ends the generation between two tokens; what has begun is completed as cancelled.</param>
    /// <exception cref="InvalidDataException">A prompt or an option is impossible.</exception>
    public void GenerateBatch(IEnumerable<TextRequest> requests, int batchSize, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        _generator.GenerateBatch(requests.Select(ForTokens), batchSize, cancellation);
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose() => _generator.Dispose();

    private ITokenizer RequireTokenizer() => _tokenizer ?? throw new InvalidDataException("Text can't be generated: this model has no tokenizer.");

    private TokenRequest ForTokens(TextRequest request)
    {
        ArgumentNullException.ThrowIfNull(request.Options);
        if (_tokenizer is null && request.Options.Stop.Count > 0)
        {
            throw new InvalidDataException("Stop texts need the model's tokenizer, and this model has none; leave them out.");
        }

        int[] promptIds = [.. request.Prompt];
        List<int> ids = [];
        TextReceiver? text = _tokenizer is null ? null : new TextReceiver(_tokenizer, request.Options.Stop, request.Show);
        int cached = 0;
        long start = Stopwatch.GetTimestamp();
        return new TokenRequest(promptIds, request.Options, Accept)
        {
            Started = count => cached = count,
            Completed = reason => request.Completed(new GenerationResult(
                text?.Finish(), promptIds, cached, ids, reason, ids.Count / Stopwatch.GetElapsedTime(start).TotalSeconds)),
            Cancellation = request.Cancellation,
        };

        bool Accept(int id)
        {
            ids.Add(id);
            return text is null || text.Add(id);
        }
    }
}
