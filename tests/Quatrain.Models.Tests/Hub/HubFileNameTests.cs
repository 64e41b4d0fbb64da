using Quatrain.Models.Hub;

namespace Quatrain.Models.Tests.Hub;

public sealed class HubFileNameTests
{
    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model-00001-of-00002.safetensors")]
    [InlineData(".gitattributes")]
    [InlineData("q8/a (b) [c]=d,e@f+g.gguf")]
    [InlineData("CONFIG")]
    [InlineData("COMA")]
    public void Usual_names_are_safe(string name) => HubFileName.IsSafe(name).ShouldBeTrue();

    [Theory]
    [InlineData("")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData(".")]
    [InlineData("a/..")]
    [InlineData("../a")]
    [InlineData("a\\b")]
    [InlineData("C:a")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    [InlineData("a*")]
    [InlineData("-rf")]
    [InlineData(" a")]
    [InlineData("a ")]
    [InlineData("a.")]
    [InlineData("con")]
    [InlineData("a/NUL.txt")]
    [InlineData("LPT1.bin")]
    [InlineData("\u202Eexe")]
    public void Names_that_lead_elsewhere_or_mislead_are_not(string name) => HubFileName.IsSafe(name).ShouldBeFalse();

    [Fact]
    public void Nor_are_endless_ones() => HubFileName.IsSafe(new string('a', 251)).ShouldBeFalse();
}
