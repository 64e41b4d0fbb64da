namespace Quatrain.Models.Checkpoints.Gguf;

/// <summary>A byte-level vocabulary as a GGUF file embeds it: GPT-2's kind, spelled with a visible character a byte.</summary>
/// <param name="Tokens">The spelling of each token, by its id.</param>
/// <param name="Merges">The merges from the first to the last, each as the tokens it joins with a space between.</param>
/// <param name="SpecialIds">The tokens that no text is turned into.</param>
/// <param name="EndOfTextId">The token between texts, or null.</param>
public sealed record GgufVocabulary(IReadOnlyList<string> Tokens, IReadOnlyList<string> Merges, IReadOnlyCollection<int> SpecialIds, int? EndOfTextId)
{
    internal const string ModelKey = "tokenizer.ggml.model";
    internal const string TokensKey = "tokenizer.ggml.tokens";
    internal const string TokenTypesKey = "tokenizer.ggml.token_type";
    internal const string MergesKey = "tokenizer.ggml.merges";
    internal const string EndKey = "tokenizer.ggml.eos_token_id";
    internal const string StartKey = "tokenizer.ggml.bos_token_id";
    internal const string ByteLevelModel = "gpt2";

    internal const int NormalToken = 1;
    internal const int ControlToken = 3;
    internal const int UserDefinedToken = 4;
    internal const int UnusedToken = 5;

    /// <summary>Reads the vocabulary in the file at <paramref name="path"/>; null where it has none or is no GGUF file.</summary>
    /// <remarks>Tokens at the end that are marked as unused, which only pad a model's vocabulary, are left out.</remarks>
    /// <exception cref="InvalidDataException">The file is damaged, or its vocabulary is of another kind.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static GgufVocabulary? TryRead(string path)
    {
        if (TensorFileContent.FormatOf(path) != TensorFileFormat.Gguf)
        {
            return null;
        }

        using GgufFile file = GgufFile.Open(path);
        string? model = file.Metadata.Text(ModelKey);
        if (model is null or "no_vocab" or "none")
        {
            return null;
        }

        if (model != ByteLevelModel)
        {
            throw Invalid(path, $"it is of the kind {TensorText.Quote(model)}, and only '{ByteLevelModel}', byte-level pairs, is supported");
        }

        GgufReader reader = file.NewReader();
        string[] tokens = file.Metadata.Texts(TokensKey, reader) ?? throw Invalid(path, "it has no list of tokens");
        string[] merges = file.Metadata.Texts(MergesKey, reader) ?? throw Invalid(path, "it has no list of merges");
        int[] types = file.Metadata.Integers(TokenTypesKey, reader) ?? [.. Enumerable.Repeat(NormalToken, tokens.Length)];
        if (types.Length != tokens.Length)
        {
            throw Invalid(path, $"it has {tokens.Length} tokens, and types for {types.Length}");
        }

        int count = Array.FindLastIndex(types, type => type != UnusedToken) + 1;
        int[] special = [.. Enumerable.Range(0, count).Where(id => types[id] is ControlToken or UserDefinedToken)];
        int? end = file.Metadata.TryInteger(EndKey, out long id) && id >= 0 && id < count ? (int)id : null;
        return new GgufVocabulary(tokens[..count], merges, special, end);
    }

    private static InvalidDataException Invalid(string path, string problem) =>
        new($"Cannot use the vocabulary in '{path}': {problem}; use a GGUF file of a GPT-2 model.");
}
