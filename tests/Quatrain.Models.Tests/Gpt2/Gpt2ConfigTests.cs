using Quatrain.Models.Gpt2;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2ConfigTests
{
    [Theory]
    [InlineData(12, 12, 768, 124_439_808)]
    [InlineData(24, 16, 1024, 354_823_168)]
    [InlineData(36, 20, 1280, 774_030_080)]
    [InlineData(48, 25, 1600, 1_557_611_200)]
    public void ParameterCount_of_the_published_sizes(int layerCount, int headCount, int embeddingSize, long expected)
    {
        Gpt2Config config = new()
        {
            LayerCount = layerCount,
            HeadCount = headCount,
            EmbeddingSize = embeddingSize,
            ContextLength = 1024,
            VocabularySize = 50_257,
        };

        config.ParameterCount.ShouldBe(expected);
    }

    [Theory]
    [InlineData(1, 1, 1, 1, 1)]
    [InlineData(2, 3, 12, 21, 29)]
    [InlineData(5, 4, 20, 7, 101)]
    public void ParameterCount_is_the_number_of_weights_a_model_has(int layerCount, int headCount, int width, int context, int vocabulary)
    {
        foreach ((bool bias, bool tied) in ((bool, bool)[])[(true, true), (true, false), (false, true), (false, false)])
        {
            using Gpt2Model model = new(new Gpt2Config
            {
                LayerCount = layerCount,
                HeadCount = headCount,
                EmbeddingSize = width,
                ContextLength = context,
                VocabularySize = vocabulary,
                Bias = bias,
                TieEmbeddings = tied,
            });

            model.Config.ParameterCount.ShouldBe(model.Parameters.ElementCount);
            model.Config.ParameterCount.ShouldBe(model.Parameters.Parameters.Sum(parameter => (long)parameter.Tensor.Values.Length));
        }
    }

    public static TheoryData<Gpt2Config, string> Impossible => new()
    {
        { TestModels.Config with { LayerCount = 0 }, "n_layer" },
        { TestModels.Config with { LayerCount = 1_001 }, "n_layer" },
        { TestModels.Config with { HeadCount = -1 }, "n_head" },
        { TestModels.Config with { EmbeddingSize = 0 }, "n_embd" },
        { TestModels.Config with { EmbeddingSize = 13 }, "n_embd of 13 is not a multiple" },
        { TestModels.Config with { ContextLength = 0 }, "n_positions" },
        { TestModels.Config with { VocabularySize = int.MinValue }, "vocab_size" },
        { TestModels.Config with { EmbeddingDropout = 1 }, "embd_pdrop" },
        { TestModels.Config with { AttentionDropout = -0.1f }, "attn_pdrop" },
        { TestModels.Config with { ResidualDropout = float.NaN }, "resid_pdrop" },
        { TestModels.Config with { LayerNormEpsilon = 0 }, "layer_norm_epsilon" },
        { TestModels.Config with { LayerNormEpsilon = float.NaN }, "layer_norm_epsilon" },
        { TestModels.Config with { EmbeddingSize = 30_000 }, "2,147,483,647" },
        { TestModels.Config with { VocabularySize = 100_000_000, EmbeddingSize = 24 }, "2,147,483,647" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Validate_names_what_is_impossible(Gpt2Config config, string named)
    {
        Should.Throw<InvalidDataException>(config.Validate).Message.ShouldContain(named);
        Should.Throw<InvalidDataException>(() => new Gpt2Model(config)).Message.ShouldContain(named);
    }
}
