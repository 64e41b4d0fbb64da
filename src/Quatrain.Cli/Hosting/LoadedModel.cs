using System.CommandLine;
using Quatrain.Inference;
using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Hosting;

/// <summary>A model a command was given by its folder, with its tokenizer where it has one.</summary>
internal sealed class LoadedModel : IDisposable
{
    private LoadedModel(string path, ILanguageModel model, ITokenizer? tokenizer) => (Path, Model, Tokenizer) = (path, model, tokenizer);

    public string Path { get; }

    public ILanguageModel Model { get; }

    /// <summary>Null for a model that takes raw token ids only.</summary>
    public ITokenizer? Tokenizer { get; }

    /// <summary>The MODEL argument of the commands that need one.</summary>
    public static Argument<string> Argument() => new("model") { Description = "A run folder, a Hugging Face style folder, a file, an adapter's folder, or a pulled name such as gpt2.", HelpName = "MODEL" };

    /// <summary>--base of the commands that take an adapter's folder for a model.</summary>
    public static Option<string?> BaseOption() => new("--base")
    {
        Description = "The model that an adapter belongs to, where it is not the one that the adapter names.",
        HelpName = "MODEL",
    };

    /// <summary>Opens a model for inference: its weights are mapped where the file has them as they are needed, and converted where not.</summary>
    /// <exception cref="InvalidDataException">There is no model there, or it is damaged, or its vocabulary is not its tokenizer's.</exception>
    public static LoadedModel Open(string name, WeightFormat? weights, WorkerPool pool, string? baseModel = null)
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

            return new LoadedModel(path, model, tokenizer);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The tokenizer, for a command that can't do without.</summary>
    /// <exception cref="InvalidDataException">There is none; the message says to <paramref name="instead"/>.</exception>
    public ITokenizer RequireTokenizer(string instead) =>
        Tokenizer ?? throw new InvalidDataException($"'{Path}' has no tokenizer, so text can't be used with this model; {instead}.");

    public void Dispose() => Model.Dispose();
}
