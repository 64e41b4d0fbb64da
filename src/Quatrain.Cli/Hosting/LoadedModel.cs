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
    private readonly TextModel _opened;

    private LoadedModel(TextModel opened) => _opened = opened;

    public string Path => _opened.Path;

    public ILanguageModel Model => _opened.Model;

    /// <summary>Null for a model that takes raw token ids only.</summary>
    public ITokenizer? Tokenizer => _opened.Tokenizer;

    /// <summary>The MODEL argument of the commands that need one.</summary>
    public static Argument<string> Argument() => new("model") { Description = "A run folder, a Hugging Face style folder, a file, an adapter's folder, or a pulled name such as gpt2.", HelpName = "MODEL" };

    /// <summary>--base of the commands that take an adapter's folder for a model.</summary>
    public static Option<string?> BaseOption() => new("--base")
    {
        Description = "The model that an adapter belongs to, where it is not the one that the adapter names.",
        HelpName = "MODEL",
    };

    /// <inheritdoc cref="TextModel.Open"/>
    public static LoadedModel Open(string name, WeightFormat? weights, WorkerPool pool, string? baseModel = null) => new(TextModel.Open(name, weights, pool, baseModel));

    /// <inheritdoc cref="TextModel.RequireTokenizer"/>
    public ITokenizer RequireTokenizer(string instead) => _opened.RequireTokenizer(instead);

    public void Dispose() => _opened.Dispose();
}
