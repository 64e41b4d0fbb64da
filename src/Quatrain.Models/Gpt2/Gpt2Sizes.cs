namespace Quatrain.Models.Gpt2;

/// <summary>The sizes in which GPT-2 was published, by their names on Hugging Face.</summary>
/// <remarks>Sources: Radford et al., "Language models are unsupervised multitask learners" (2019); Sanh et al., "DistilBERT" (2019), whose recipe DistilGPT2 follows.</remarks>
public static class Gpt2Sizes
{
    private static readonly (string Name, Gpt2Config Config)[] All =
    [
        ("distilgpt2", Published(6, 12, 768)),
        ("gpt2", Published(12, 12, 768)),
        ("gpt2-medium", Published(24, 16, 1024)),
        ("gpt2-large", Published(36, 20, 1280)),
        ("gpt2-xl", Published(48, 25, 1600)),
    ];

    /// <summary>The names, from the smallest model to the largest.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(size => size.Name)];

    /// <summary>The configuration as it was published, dropout of 0.1 included, or null where no model has that name.</summary>
    public static Gpt2Config? Find(string name) => All.FirstOrDefault(size => size.Name == name).Config;

    private static Gpt2Config Published(int layerCount, int headCount, int embeddingSize) => new()
    {
        LayerCount = layerCount,
        HeadCount = headCount,
        EmbeddingSize = embeddingSize,
        ContextLength = 1024,
        VocabularySize = 50_257,
        EmbeddingDropout = 0.1f,
        AttentionDropout = 0.1f,
        ResidualDropout = 0.1f,
    };
}
