using Quatrain.Models.Gpt2;

namespace Quatrain.Models.Tests.Gpt2;

public sealed class Gpt2SizesTests
{
    [Theory]
    [InlineData("distilgpt2", 81_912_576)]
    [InlineData("gpt2", 124_439_808)]
    [InlineData("gpt2-medium", 354_823_168)]
    [InlineData("gpt2-large", 774_030_080)]
    [InlineData("gpt2-xl", 1_557_611_200)]
    public void A_published_model_has_the_published_number_of_parameters(string name, long parameters)
    {
        Gpt2Config config = Gpt2Sizes.Find(name).ShouldNotBeNull();

        config.Validate();
        config.ParameterCount.ShouldBe(parameters);
        config.HeadSize.ShouldBe(64);
        (config.EmbeddingDropout, config.AttentionDropout, config.ResidualDropout).ShouldBe((0.1f, 0.1f, 0.1f));
    }

    [Fact]
    public void Names_go_from_the_smallest_to_the_largest()
    {
        Gpt2Sizes.Names.Count.ShouldBe(5);
        Gpt2Sizes.Names.Select(name => Gpt2Sizes.Find(name)!.ParameterCount).ShouldBeInOrder(SortDirection.Ascending);
    }

    [Theory]
    [InlineData("gpt3")]
    [InlineData("GPT2")]
    [InlineData("")]
    public void Other_names_are_not_known(string name) => Gpt2Sizes.Find(name).ShouldBeNull();
}
