namespace Quatrain.Models.Gpt2;

/// <summary>The arithmetic a GPT-2 takes, in floating-point operations: a multiplication and an addition count two.</summary>
/// <remarks>
/// The field's convention, so that shares of a machine's peak can be compared: attention counts as if no position were masked; norms,
/// activations, biases and the look-up of embeddings are left out. Source: Chowdhery et al., "PaLM" (2022), appendix B.
/// </remarks>
public static class Gpt2Flops
{
    /// <summary>
    /// Forward and backward for one token: 6 N + 12 L T C, where N counts the weights of the matrix products, the head's among them.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="sequenceLength">T.</param>
    /// <exception cref="ArgumentOutOfRangeException">T is not positive.</exception>
    public static long TrainingFlopsPerToken(Gpt2Config config, int sequenceLength) => 3 * ForwardFlopsPerToken(config, sequenceLength);

    /// <summary>Forward alone for one token: 2 N + 4 L T C.</summary>
    /// <inheritdoc cref="TrainingFlopsPerToken"/>
    public static long ForwardFlopsPerToken(Gpt2Config config, int sequenceLength)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        long width = config.EmbeddingSize;
        return (24L * config.LayerCount * width * width) + (4L * config.LayerCount * sequenceLength * width) + HeadFlopsPerToken(config);
    }

    /// <summary>Reading a prompt of T tokens before generating: forward, with the logits of the last token alone.</summary>
    /// <inheritdoc cref="TrainingFlopsPerToken"/>
    public static long PromptFlops(Gpt2Config config, int sequenceLength) =>
        (ForwardFlopsPerToken(config, sequenceLength) * sequenceLength) - (HeadFlopsPerToken(config) * (sequenceLength - 1));

    private static long HeadFlopsPerToken(Gpt2Config config) => 2L * config.VocabularySize * config.EmbeddingSize;
}
