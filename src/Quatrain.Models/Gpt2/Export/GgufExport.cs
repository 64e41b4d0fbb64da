using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;
using Quatrain.Models.Gpt2.Sources;

namespace Quatrain.Models.Gpt2.Export;

/// <summary>Writes a GGUF file as llama.cpp's converter does.</summary>
internal static class GgufExport
{
    private const string Format = "GGUF";

    // What llama.cpp calls a file by its most numbers.
    private static uint FileType(RawElementType type) => type switch
    {
        RawElementType.F32 => 0,
        RawElementType.F16 => 1,
        RawElementType.Q8 => 7,
        _ => 32,
    };

    public static void Check(Gpt2Config config, ExportOptions options)
    {
        Gpt2Export.RequirePublishedActivation(Format, config);
        if (config.EmbeddingSize % options.Weights.BlockLength() != 0)
        {
            throw Gpt2Export.Refusal(Format, $"its n_embd of {config.EmbeddingSize} is no multiple of {options.Weights.BlockLength()}, as {options.Weights.Label()} needs it; choose fp32, bf16 or fp16 weights");
        }

        if (options.Vocabulary is { } vocabulary && vocabulary.Tokens.Count > config.VocabularySize)
        {
            throw Gpt2Export.Refusal(Format, $"its vocabulary is of {config.VocabularySize} tokens, and its tokenizer's of {vocabulary.Tokens.Count}; they are not of one model");
        }
    }

    public static void Write(string path, Gpt2Config config, WeightWriter weights, ExportOptions options)
    {
        GgufWriter writer = new();
        Describe(writer, config, options);
        AddVocabulary(writer, config, options.Vocabulary);
        List<OutgoingTensor> tensors =
        [
            .. Gpt2Export.WithBiases(config).Select(parameter =>
                Gpt2Export.Tensor(config, weights, Gpt2NameMap.Gguf, parameter.Name, parameter.Shape, TypeOf(parameter.Name, parameter.Shape, options.Weights))),
        ];
        if (config.TieEmbeddings)
        {
            // llama.cpp asks for a head in every file, tied or not.
            OutgoingTensor embedding = tensors[0];
            tensors.Add(embedding with { Name = Gpt2NameMap.Gguf.Translate(Gpt2NameMap.Head).Name });
        }

        writer.Write(path, tensors);
    }

    private static RawElementType TypeOf(string name, long[] shape, RawElementType matrices) =>
        shape.Length == 2 && name != "wpe.weight" ? matrices : RawElementType.F32;

    private static void Describe(GgufWriter writer, Gpt2Config config, ExportOptions options)
    {
        writer.Add("general.architecture", GgufSource.Architecture);
        writer.Add("general.name", options.Name);
        writer.Add("gpt2.block_count", (uint)config.LayerCount);
        writer.Add("gpt2.context_length", (uint)config.ContextLength);
        writer.Add("gpt2.embedding_length", (uint)config.EmbeddingSize);
        writer.Add("gpt2.feed_forward_length", 4 * (uint)config.EmbeddingSize);
        writer.Add("gpt2.attention.head_count", (uint)config.HeadCount);
        writer.Add("gpt2.attention.layer_norm_epsilon", config.LayerNormEpsilon);
        writer.Add("gpt2.vocab_size", (uint)config.VocabularySize);
        writer.Add("general.file_type", FileType(options.Weights));
        writer.Add("general.quantization_version", 2u);
    }

    private static void AddVocabulary(GgufWriter writer, Gpt2Config config, GgufVocabulary? vocabulary)
    {
        if (vocabulary is null)
        {
            writer.Add(GgufVocabulary.ModelKey, "no_vocab");
            return;
        }

        // Rows that only pad the model's vocabulary get names that no text has.
        int padding = config.VocabularySize - vocabulary.Tokens.Count;
        int[] types = [.. Enumerable.Repeat(GgufVocabulary.NormalToken, vocabulary.Tokens.Count), .. Enumerable.Repeat(GgufVocabulary.UnusedToken, padding)];
        foreach (int id in vocabulary.SpecialIds)
        {
            types[id] = GgufVocabulary.ControlToken;
        }

        writer.Add(GgufVocabulary.ModelKey, GgufVocabulary.ByteLevelModel);
        writer.Add("tokenizer.ggml.pre", "gpt-2");
        writer.Add(
            GgufVocabulary.TokensKey,
            [.. vocabulary.Tokens, .. Enumerable.Range(vocabulary.Tokens.Count, padding).Select(id => FormattableString.Invariant($"[PAD{id}]"))]);
        writer.Add(GgufVocabulary.TokenTypesKey, types);
        writer.Add(GgufVocabulary.MergesKey, vocabulary.Merges);
        if (vocabulary.EndOfTextId is { } end)
        {
            writer.Add(GgufVocabulary.StartKey, (uint)end);
            writer.Add(GgufVocabulary.EndKey, (uint)end);
        }
    }
}
