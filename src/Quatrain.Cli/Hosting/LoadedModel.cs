using System.CommandLine;
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
    public static Argument<string> Argument() => new("model") { Description = "A run folder, or a folder with config.json and model.safetensors.", HelpName = "MODEL" };

    /// <summary>Opens a model for inference: its weights are mapped where the file has them as they are needed, and converted where not.</summary>
    /// <exception cref="InvalidDataException">There is no model there, or it is damaged, or its vocabulary is not its tokenizer's.</exception>
    public static LoadedModel Open(string path, WeightFormat? weights, WorkerPool pool)
    {
        ILanguageModel model = ModelFile.Map(path, weights, pool);
        try
        {
            ITokenizer? tokenizer = File.Exists(System.IO.Path.Combine(path, TokenizerFile.FileName)) ? TokenizerFile.Load(path) : null;
            if (tokenizer is not null)
            {
                if (!IsVocabularyOf(model.VocabularySize, tokenizer.VocabularySize))
                {
                    throw new InvalidDataException(
                        $"The tokenizer in '{path}' has {tokenizer.VocabularySize} tokens and the model {model.VocabularySize}; they are not of one run.");
                }

                model.LimitVocabulary(tokenizer.VocabularySize);
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
        Tokenizer ?? throw new InvalidDataException($"'{Path}' has no tokenizer.json, so text can't be used with this model; {instead}.");

    /// <summary>
    /// Whether a model with that many embeddings can be one for that many tokens: as many, or a few more up to a round number, which is how tables are filled
    /// up for the sake of speed (50,304 for 50,257).
    /// </summary>
    internal static bool IsVocabularyOf(int embeddings, int tokens)
    {
        const int RoundTo = 64, MostPadding = 1024;
        return embeddings == tokens || (embeddings > tokens && embeddings - tokens < MostPadding && embeddings % RoundTo == 0);
    }

    public void Dispose() => Model.Dispose();
}
