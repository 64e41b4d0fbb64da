using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Inference;

/// <summary>A model opened for inference, with its tokenizer where it has one.</summary>
public sealed class TextModel : IDisposable
{
    private TextModel(string path, ILanguageModel model, ITokenizer? tokenizer) => (Path, Model, Tokenizer) = (path, model, tokenizer);

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>The model; its weights can't be trained.</summary>
    public ILanguageModel Model { get; }

    /// <summary>Null for a model that takes raw token ids only.</summary>
    public ITokenizer? Tokenizer { get; }

    /// <summary>Opens a model: its weights are mapped where the file has them as they are needed, and converted where not.</summary>
    /// <param name="name">A path, or the name of a model that was pulled.</param>
    /// <param name="weights">What the weights are held as; null for what the file has.</param>
    /// <param name="pool">Converts weights.</param>
    /// <param name="baseModel">The base of an adapter, where it is not the one that the adapter names.</param>
    /// <exception cref="InvalidDataException">There is no model there, or it is damaged, or its vocabulary is not its tokenizer's.</exception>
    /// <exception cref="IOException">The folder or one of its files is absent or can't be read.</exception>
    public static TextModel Open(string name, WeightFormat? weights, WorkerPool pool, string? baseModel = null)
    {
        string path = ModelPath.Resolve(name);
        ITokenizer? tokenizer = ModelTokenizer.TryLoad(path, baseModel);
        ILanguageModel model = ModelFile.Map(path, weights, pool, tokenizer?.VocabularySize, baseModel);
        try
        {
            if (tokenizer is not null && tokenizer.VocabularySize != model.VocabularySize)
            {
                throw new InvalidDataException(
                    $"The tokenizer in '{path}' has {tokenizer.VocabularySize} tokens and the model {model.VocabularySize}; they are not of one run.");
            }

            return new TextModel(path, model, tokenizer);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The tokenizer, for those who can't do without.</summary>
    /// <param name="instead">What the message says to do where there is none.</param>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public ITokenizer RequireTokenizer(string instead = "use a model that has one") =>
        Tokenizer ?? throw new InvalidDataException($"'{Path}' has no tokenizer, so text can't be used with this model; {instead}.");

    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();
}
