using System.Diagnostics;
using System.Text;
using Quatrain.Models;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference;

/// <summary>What came of a generation.</summary>
/// <param name="Text">The new text, without the stop text that ended it; null for a model without a tokenizer.</param>
/// <param name="PromptIds">The prompt's token ids.</param>
/// <param name="Ids">The new token ids, those of a stop text included.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="TokensPerSecond">New tokens by the time they took, the prompt's reading included.</param>
public sealed record GenerationResult(
    string? Text, IReadOnlyList<int> PromptIds, IReadOnlyList<int> Ids, FinishReason FinishReason, double TokensPerSecond);

/// <summary>Continues text: encodes the prompt, generates, decodes as it goes, and ends at stop texts.</summary>
/// <remarks>Not safe for use by several threads at a time; make one for each.</remarks>
public sealed class TextGenerator : IDisposable
{
    private readonly TokenGenerator _generator;
    private readonly ITokenizer? _tokenizer;

    /// <summary>A generator over <paramref name="model"/>, which it does not own.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer, or null: then prompts are ids, there is no text, and stop texts are refused.</param>
    /// <param name="pool">The workers.</param>
    public TextGenerator(ILanguageModel model, ITokenizer? tokenizer, WorkerPool pool)
    {
        _generator = new TokenGenerator(model, pool);
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
        ArgumentNullException.ThrowIfNull(options);
        if (_tokenizer is null && options.Stop.Count > 0)
        {
            throw new InvalidDataException("Stop texts need the model's tokenizer, and this model has none; leave them out.");
        }

        int[] promptIds = [.. prompt];
        List<int> ids = [];
        TextReceiver? text = _tokenizer is null ? null : new TextReceiver(_tokenizer, options.Stop, show);
        long start = Stopwatch.GetTimestamp();
        FinishReason reason = _generator.Generate(promptIds, options, id =>
        {
            ids.Add(id);
            return text is null || text.Add(id);
        }, cancellation);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new GenerationResult(text?.Finish(), promptIds, ids, reason, ids.Count / seconds);
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

    /// <summary>Frees the caches.</summary>
    public void Dispose() => _generator.Dispose();

    private ITokenizer RequireTokenizer() => _tokenizer ?? throw new InvalidDataException("Text can't be generated: this model has no tokenizer.");

    /// <summary>Turns a sample's ids into text and watches for stop texts.</summary>
    private sealed class TextReceiver(ITokenizer tokenizer, IReadOnlyList<string> stops, Action<string>? show)
    {
        private readonly TokenStreamDecoder _decoder = new(tokenizer);
        private readonly StopMatcher _matcher = new(stops);
        private readonly StringBuilder _text = new();
        private bool _stopped;

        /// <summary>Takes an id; false once a stop text is complete.</summary>
        public bool Add(int id)
        {
            _stopped = _matcher.Append(_decoder.Append(id), out string certain);
            Emit(certain);
            return !_stopped;
        }

        /// <summary>The whole text, after what was held back in case it began a stop text.</summary>
        public string Finish()
        {
            if (!_stopped)
            {
                _stopped = _matcher.Append(_decoder.Flush(), out string certain);
                Emit(certain);
                Emit(_stopped ? "" : _matcher.Flush());
            }

            return _text.ToString();
        }

        private void Emit(string piece)
        {
            if (piece.Length > 0)
            {
                _text.Append(piece);
                show?.Invoke(piece);
            }
        }
    }
}
