using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Layers;
using Quatrain.Models.Tests.Gpt2;

namespace Quatrain.Models.Tests.Adapters;

public sealed class LoraTargetsTests
{
    private static readonly IReadOnlyList<Linear> Layers = new Gpt2Model(TestModels.Config with { LayerCount = 11 }, allocate: false).LinearLayers;

    [Theory]
    [InlineData("c_attn", 11, "h.0.attn.c_attn", "attn.c_attn")]
    [InlineData("c_proj", 22, "h.0.attn.c_proj", "attn.c_proj, mlp.c_proj")]
    [InlineData("attn.c_proj", 11, "h.0.attn.c_proj", "attn.c_proj")]
    [InlineData("mlp.*", 22, "h.0.mlp.c_fc", "mlp.c_fc, mlp.c_proj")]
    [InlineData("*", 44, "h.0.attn.c_attn", "attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj")]
    [InlineData("h.1.*", 4, "h.1.attn.c_attn", "h.1.attn.c_attn, h.1.attn.c_proj, h.1.mlp.c_fc, h.1.mlp.c_proj")]
    [InlineData("1.attn.c_attn", 1, "h.1.attn.c_attn", "h.1.attn.c_attn")]
    [InlineData("h.10.mlp.c_fc", 1, "h.10.mlp.c_fc", "h.10.mlp.c_fc")]
    [InlineData("h.*.c_fc", 11, "h.0.mlp.c_fc", "mlp.c_fc")]
    public void A_pattern_means_whole_parts_of_names(string pattern, int count, string first, string shortened)
    {
        IReadOnlyList<Linear> chosen = LoraTargets.Select(new LoraConfig { Targets = [pattern] }, Layers);

        chosen.Count.ShouldBe(count);
        chosen[0].Name.ShouldBe(first);
        IReadOnlyList<string> names = LoraTargets.Shorten(chosen, Layers);
        string.Join(", ", names).ShouldBe(shortened);
        LoraTargets.Select(new LoraConfig { Targets = names }, Layers).ShouldBe(chosen);
    }

    [Theory]
    [InlineData("all-linear", 44)]
    [InlineData(@".*\.c_fc", 11)]
    [InlineData(@"transformer\.h\.(0|3)\.attn\.c_attn", 2)]
    [InlineData(@"h\.\d\.mlp\.c_fc", 10)]
    public void An_expression_means_whole_names(string expression, int count) =>
        LoraTargets.Select(new LoraConfig { TargetExpression = expression }, Layers).Count.ShouldBe(count);

    [Fact]
    public void Several_targets_give_each_layer_once_in_the_order_of_the_model() =>
        LoraTargets.Select(new LoraConfig { Targets = ["mlp.c_fc", "h.0.*", "c_fc"] }, Layers).Select(layer => layer.Name).Take(5)
            .ShouldBe(["h.0.attn.c_attn", "h.0.attn.c_proj", "h.0.mlp.c_fc", "h.0.mlp.c_proj", "h.1.mlp.c_fc"]);

    [Theory]
    [InlineData("q_proj", "The LoRA target 'q_proj' means no linear layer of the model; it has attn.c_attn, attn.c_proj, mlp.c_fc, mlp.c_proj in each of its blocks, the first being h.0.attn.c_attn.")]
    [InlineData("attn", "means no linear layer")]
    [InlineData("_attn", "means no linear layer")]
    [InlineData("c_att?", "is no name")]
    [InlineData("", "is no name")]
    [InlineData("c_attn\n", "is no name")]
    public void What_means_nothing_is_refused(string pattern, string problem) =>
        Should.Throw<InvalidDataException>(() => LoraTargets.Select(new LoraConfig { Targets = ["c_fc", pattern] }, Layers)).Message.ShouldContain(problem);

    [Theory]
    [InlineData("(", "no regular expression")]
    [InlineData(@"(?=a)b", "no regular expression")]
    [InlineData(@"(a)\1", "no regular expression")]
    [InlineData("nothing", "means no linear layer")]
    [InlineData("(((((((((a{1,1000}){1,1000}){1,1000}){1,1000}){1,1000}){1,1000}){1,1000}){1,1000}))", "no regular expression")]
    public void An_expression_that_cannot_be_used_is_refused(string expression, string problem) =>
        Should.Throw<InvalidDataException>(() => LoraTargets.Select(new LoraConfig { TargetExpression = expression }, Layers)).Message.ShouldContain(problem);

    [Fact]
    public void No_target_is_refused() =>
        Should.Throw<InvalidDataException>(() => LoraTargets.Select(new LoraConfig { Targets = [] }, Layers)).Message.ShouldContain("There are 0 LoRA targets");

    [Theory]
    [InlineData(0, 1, 0, "rank is 0")]
    [InlineData(8193, 1, 0, "rank is 8193")]
    [InlineData(1, 0, 0, "alpha is 0")]
    [InlineData(1, double.NaN, 0, "alpha is NaN")]
    [InlineData(1, 1e300, 0, "alpha is 1E+300")]
    [InlineData(1, 1, 1, "dropout is 1")]
    [InlineData(1, 1, float.NaN, "dropout is NaN")]
    public void Impossible_numbers_are_refused(int rank, double alpha, float dropout, string problem) =>
        Should.Throw<InvalidDataException>(() => new LoraConfig { Rank = rank, Alpha = alpha, Dropout = dropout }.Validate()).Message.ShouldContain(problem);

    [Fact]
    public void The_scale_is_alpha_by_the_rank_or_by_its_root()
    {
        new LoraConfig { Rank = 4, Alpha = 6 }.Scale.ShouldBe(1.5f);
        new LoraConfig { Rank = 4, Alpha = 6, RankStabilized = true }.Scale.ShouldBe(3f);
    }
}
