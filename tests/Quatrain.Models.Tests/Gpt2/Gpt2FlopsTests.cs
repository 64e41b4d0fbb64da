using Quatrain.Models.Gpt2;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2FlopsTests
{
    private static readonly Gpt2Config Gpt2 = new()
    {
        LayerCount = 12,
        HeadCount = 12,
        EmbeddingSize = 768,
        ContextLength = 1024,
        VocabularySize = 50_257,
    };

    [Fact]
    public void TrainingFlopsPerToken_of_the_smallest_GPT2()
    {
        // All 124,439,808 parameters but 786,432 positions, 82,944 biases of linear layers and 38,400 of norms are in products.
        long inProducts = 124_439_808 - 786_432 - 82_944 - 38_400;

        Gpt2Flops.TrainingFlopsPerToken(Gpt2, 1024).ShouldBe((6 * inProducts) + (12L * 12 * 1024 * 768));
    }

    [Fact]
    public void A_head_of_its_own_costs_what_a_tied_one_costs() =>
        Gpt2Flops.TrainingFlopsPerToken(Gpt2 with { TieEmbeddings = false }, 256).ShouldBe(Gpt2Flops.TrainingFlopsPerToken(Gpt2, 256));

    [Fact]
    public void Forward_is_a_third_of_a_step() =>
        (3 * Gpt2Flops.ForwardFlopsPerToken(Gpt2, 17)).ShouldBe(Gpt2Flops.TrainingFlopsPerToken(Gpt2, 17));

    [Fact]
    public void A_prompt_needs_the_logits_of_its_last_token_alone()
    {
        long blocks = 24L * 12 * 768 * 768, attention = 4L * 12 * 512 * 768, head = 2L * 50_257 * 768;

        Gpt2Flops.PromptFlops(Gpt2, 512).ShouldBe((512 * (blocks + attention)) + head);
    }

    [Fact]
    public void A_sequence_has_at_least_one_token() =>
        Should.Throw<ArgumentOutOfRangeException>(() => Gpt2Flops.TrainingFlopsPerToken(Gpt2, 0));
}
