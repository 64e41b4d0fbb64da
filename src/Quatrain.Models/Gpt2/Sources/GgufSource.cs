using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.Gguf;

namespace Quatrain.Models.Gpt2.Sources;

/// <summary>Opens GGUF files that hold a GPT-2.</summary>
internal static class GgufSource
{
    /// <summary>What general.architecture says in the file of a GPT-2, and what its settings' names begin with.</summary>
    public const string Architecture = "gpt2";

    /// <summary>The parts of the model in the file at <paramref name="path"/>.</summary>
    public static Gpt2Parts Open(string path)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            return new Gpt2Parts(ReadConfig(file), file, Gpt2NameMap.Gguf, KnowsHead: true);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static Gpt2Config ReadConfig(GgufFile file)
    {
        string? architecture = file.Metadata.Text("general.architecture");
        if (architecture != Architecture)
        {
            throw Invalid(file, architecture is null
                ? "it does not say what architecture it holds"
                : $"it holds a model of the architecture {TensorText.Quote(architecture)}, and only '{Architecture}' is supported");
        }

        if (!file.TryGet(Gpt2NameMap.Gguf.Translate("wte.weight").Name, out TensorEntry? embedding) || embedding.Shape is not [long vocabulary and <= int.MaxValue, _])
        {
            throw Invalid(file, "it holds no table of token vectors, so it is a vocabulary by itself or damaged");
        }

        Gpt2Config config = new()
        {
            LayerCount = Integer(file, "block_count"),
            HeadCount = Integer(file, "attention.head_count"),
            EmbeddingSize = Integer(file, "embedding_length"),
            ContextLength = Integer(file, "context_length"),
            VocabularySize = (int)vocabulary,
            LayerNormEpsilon = file.Metadata.TryNumber($"{Architecture}.attention.layer_norm_epsilon", out double epsilon)
                ? (float)epsilon
                : throw Invalid(file, $"its metadata have no {Architecture}.attention.layer_norm_epsilon"),
            TieEmbeddings = !file.TryGet(Gpt2NameMap.Gguf.Translate(Gpt2NameMap.Head).Name, out TensorEntry? head) || Gpt2Source.AreEqual(file, head, embedding),
        };
        try
        {
            config.Validate();
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"Cannot use '{file.Path}': its metadata do not describe a model. {error.Message}", error);
        }

        Require(file, "feed_forward_length", 4 * config.EmbeddingSize);
        Require(file, "attention.head_count_kv", config.HeadCount);
        return config;
    }

    private static int Integer(GgufFile file, string name) =>
        file.Metadata.TryInteger($"{Architecture}.{name}", out long value) && value is >= 0 and <= int.MaxValue
            ? (int)value
            : throw Invalid(file, $"its metadata have no whole number {Architecture}.{name}");

    private static void Require(GgufFile file, string name, int expected)
    {
        if (file.Metadata.Has($"{Architecture}.{name}") && Integer(file, name) != expected)
        {
            throw Invalid(file, $"its {Architecture}.{name} is {Integer(file, name)}, but only {expected} is supported for its other sizes");
        }
    }

    private static InvalidDataException Invalid(GgufFile file, string problem) =>
        new($"Cannot load '{file.Path}': {problem}; use a GGUF file of a GPT-2 model.");
}
