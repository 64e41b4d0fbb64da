using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;
using Quatrain.Tokenizers;

namespace Quatrain.Inference;

/// <summary>The tokenizer that belongs to a model, in whichever form the model is kept.</summary>
public static class ModelTokenizer
{
    /// <summary>
    /// The tokenizer of the model at <paramref name="path"/>: in its folder, or in the file itself, or beside a safetensors file; null where there is none. An adapter without
    /// one has its base's.
    /// </summary>
    /// <param name="path">A folder or a file.</param>
    /// <param name="baseModel">The base of an adapter, where it is not the one that the adapter names.</param>
    /// <exception cref="InvalidDataException">There is one, and it is damaged or of an unknown kind.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ITokenizer? TryLoad(string path, string? baseModel = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path))
        {
            return TokenizerFile.IsPresent(path) ? TokenizerFile.Load(path)
                : AdapterFolder.FindBase(path, baseModel) is { } found ? TryLoad(found)
                : null;
        }

        if (!File.Exists(path))
        {
            return null;
        }

        if (GgufVocabulary.TryRead(path) is { } vocabulary)
        {
            return FromGguf(path, vocabulary);
        }

        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        bool isWeightsOfFolder = path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        return isWeightsOfFolder && TokenizerFile.IsPresent(folder) ? TokenizerFile.Load(folder) : null;
    }

    /// <summary>The vocabulary that a GGUF file embeds for <paramref name="tokenizer"/>; null for none.</summary>
    /// <exception cref="InvalidDataException">The format can't say what the tokenizer does.</exception>
    public static GgufVocabulary? ToGguf(ITokenizer? tokenizer) => tokenizer switch
    {
        null => null,
        BytePairTokenizer pairs => new GgufVocabulary(
            [.. Enumerable.Range(0, pairs.VocabularySize).Select(pairs.ByteLevelToken)],
            [.. Enumerable.Range(0, pairs.MergeCount).Select(pairs.ByteLevelMerge)],
            [.. pairs.SpecialTokens.Select(token => token.Id)],
            pairs.EndOfTextId),
        _ => throw new InvalidDataException(
            "Cannot export the model as GGUF: its tokenizer is a character tokenizer, and llama.cpp has none like it; export it for Hugging Face or llm.c."),
    };

    /// <summary>Writes the files of <paramref name="tokenizer"/> to <paramref name="folder"/>, as Hugging Face's programs look for them.</summary>
    /// <remarks>A character tokenizer, which those programs have not, is written as a training run has it.</remarks>
    /// <param name="folder">The folder of the model.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="contextLength">The most tokens that the model looks at.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be written.</exception>
    public static void Write(string folder, ITokenizer tokenizer, int contextLength)
    {
        (string Name, byte[] Content)[] files = tokenizer switch
        {
            BytePairTokenizer pairs =>
            [
                ("vocab.json", pairs.ToVocabularyJson()),
                ("merges.txt", pairs.ToMergesText()),
                ("tokenizer_config.json", pairs.ToConfigJson(contextLength)),
                (TokenizerFile.FileName, pairs.ToJson()),
            ],
            CharacterTokenizer characters => [(TokenizerFile.FileName, characters.ToJson())],
            _ => throw new ArgumentException($"A {tokenizer.GetType().Name} has no files of its own.", nameof(tokenizer)),
        };
        foreach ((string name, byte[] content) in files)
        {
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(content));
        }
    }

    private static BytePairTokenizer FromGguf(string path, GgufVocabulary vocabulary)
    {
        try
        {
            return BytePairTokenizer.FromByteLevelTokens(vocabulary.Tokens, vocabulary.Merges, vocabulary.SpecialIds, vocabulary.EndOfTextId);
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"The vocabulary in '{path}' can't be used: {error.Message}", error);
        }
    }
}
