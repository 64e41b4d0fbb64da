using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;
using Quatrain.Tokenizers;

namespace Quatrain.Inference;

/// <summary>Finds the tokenizer that belongs to a model, in whichever form the model is kept.</summary>
public static class ModelTokenizer
{
    /// <summary>The tokenizer of the model at <paramref name="path"/>: in its folder, or in the file itself; null where there is none.</summary>
    /// <exception cref="InvalidDataException">There is one, and it is damaged or of an unknown kind.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ITokenizer? TryLoad(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return File.Exists(Path.Combine(path, TokenizerFile.FileName)) ? TokenizerFile.Load(path) : null;
    }

    /// <summary>The vocabulary that a GGUF file embeds for <paramref name="tokenizer"/>; null for none.</summary>
    /// <exception cref="InvalidDataException">The format can't say what the tokenizer does.</exception>
    public static GgufVocabulary? ToGguf(ITokenizer? tokenizer) => tokenizer switch
    {
        null => null,
        _ => throw new InvalidDataException(
            "Cannot export the model as GGUF: its tokenizer is a character tokenizer, which llama.cpp has none like; export it for Hugging Face or llm.c."),
    };

    /// <summary>The token between texts, or null.</summary>
    public static int? EndOfText(ITokenizer? tokenizer) => null;

    /// <summary>Writes the files of <paramref name="tokenizer"/> to <paramref name="folder"/>, as Hugging Face's programs look for them.</summary>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Write(string folder, ITokenizer tokenizer, int contextLength)
    {
        if (tokenizer is CharacterTokenizer characters)
        {
            AtomicFile.Write(Path.Combine(folder, TokenizerFile.FileName), characters.Save);
        }
    }
}
