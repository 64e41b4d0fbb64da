using Microsoft.Extensions.AI;
using Quatrain.Inference;
using Quatrain.Models;
using Quatrain.Tokenizers;

namespace Quatrain.Extensions;

/// <summary>Microsoft.Extensions.AI's embedding generator over a model of one's own: a text's vector is the mean of the model's last hidden states.</summary>
/// <remarks>
/// A text gets the same bits alone and beside others, as <see cref="TextEmbedder"/> says. Vectors are not normalized. A text without tokens is refused, and so is one longer than the context,
/// unless the options say to take its beginning. Safe for use by several threads: the model does one call at a time.
/// </remarks>
/// <example>
/// <code>
/// using IEmbeddingGenerator&lt;string, Embedding&lt;float>> embeddings = QuatrainEmbeddingGenerator.Open("gpt2");
/// ReadOnlyMemory&lt;float> vector = await embeddings.GenerateVectorAsync("A text.");
/// </code>
/// </example>
public sealed class QuatrainEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly OpenedModel _model;
    private readonly TextEmbedder _embedder;
    private readonly EmbeddingGeneratorMetadata _metadata;
    private readonly bool _truncates;

    private QuatrainEmbeddingGenerator(OpenedModel model, bool truncates)
    {
        _model = model;
        _embedder = new TextEmbedder(model.Text.Model, model.Pool);
        _metadata = new EmbeddingGeneratorMetadata("quatrain", providerUri: null, model.Name, _embedder.Dimensions);
        _truncates = truncates;
    }

    /// <summary>Opens the model at <paramref name="path"/>.</summary>
    /// <param name="path">A run folder, a Hugging Face style folder, a file, or the name of a pulled model.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <exception cref="InvalidDataException">The model can't be used.</exception>
    /// <exception cref="IOException">A file is absent or can't be read.</exception>
    public static QuatrainEmbeddingGenerator Open(string path, QuatrainEmbeddingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new QuatrainEmbeddingOptions();
        OpenedModel model = new(path, options.Threads, options.Weights);
        try
        {
            return new QuatrainEmbeddingGenerator(model, options.TruncateLongTexts);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">An option asks for what can't be done.</exception>
    /// <exception cref="InvalidDataException">A text has no tokens, or too many, or can't be encoded; the message says which.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        RefuseUnsupported(options);
        string[] texts = [.. values];
        return await _model.RunAsync(token => Embed(texts, token), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <returns>The metadata, the model, its tokenizer, or this; null for anything else.</returns>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType == typeof(ILanguageModel) ? _model.Text.Model
            : serviceType == typeof(ITokenizer) ? _model.Tokenizer
            : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Cancels what runs, waits for it to end and frees the model.</summary>
    public void Dispose() => _model.Dispose(_embedder.Dispose);

    private GeneratedEmbeddings<Embedding<float>> Embed(string[] texts, CancellationToken cancellation)
    {
        GeneratedEmbeddings<Embedding<float>> embeddings = new(texts.Length);
        long tokens = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] ids = Encode(texts[i], i + 1);
            tokens += ids.Length;
            embeddings.Add(new Embedding<float>(_embedder.Embed(ids)) { ModelId = _model.Name, CreatedAt = DateTimeOffset.UtcNow });
        }

        embeddings.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
        return embeddings;
    }

    private int[] Encode(string? text, int number)
    {
        int[] ids;
        try
        {
            ids = _model.Tokenizer.Encode(text ?? throw new InvalidDataException("it is null."));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"Text {number} can't be embedded: {e.Message}", e);
        }

        int most = _model.Text.Model.ContextLength;
        return ids.Length == 0 ? throw new InvalidDataException($"Text {number} is empty; there is nothing to embed.")
            : ids.Length <= most ? ids
            : _truncates ? ids[..most]
            : throw new InvalidDataException(
                $"Text {number} has {ids.Length} tokens, and the model looks at {most}; shorten it, or set {nameof(QuatrainEmbeddingOptions.TruncateLongTexts)}.");
    }

    private void RefuseUnsupported(EmbeddingGenerationOptions? options)
    {
        _model.RequireName(options?.ModelId);
        if (options?.Dimensions is { } dimensions && dimensions != _embedder.Dimensions)
        {
            throw new NotSupportedException($"Vectors of {dimensions} dimensions were asked for, and this model's have {_embedder.Dimensions}; leave the number out.");
        }

        if (options?.RawRepresentationFactory is not null || options?.AdditionalProperties is { Count: > 0 })
        {
            throw new NotSupportedException("This model takes no options of another kind; leave RawRepresentationFactory and AdditionalProperties out.");
        }
    }
}
