using Quatrain.Models.Hub;

namespace Quatrain.Models.Tests.Hub;

public sealed class HubModelNameTests
{
    [Theory]
    [InlineData("gpt2", "openai-community/gpt2", "main")]
    [InlineData("gpt2-medium", "openai-community/gpt2-medium", "main")]
    [InlineData("gpt2-large", "openai-community/gpt2-large", "main")]
    [InlineData("gpt2-xl@v1", "openai-community/gpt2-xl", "v1")]
    [InlineData("distilgpt2", "distilbert/distilgpt2", "main")]
    [InlineData("Owner_1/name-2.0", "Owner_1/name-2.0", "main")]
    [InlineData("owner/name@refs/pr/3", "owner/name", "refs/pr/3")]
    public void Names_stand_for_repositories_and_revisions(string text, string repository, string revision)
    {
        HubModelName name = HubModelName.Parse(text);

        name.Repository.ShouldBe(repository);
        name.Revision.ShouldBe(revision);
        name.ToString().ShouldBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("llama")]
    [InlineData("/name")]
    [InlineData("owner/")]
    [InlineData("../name")]
    [InlineData("./name")]
    [InlineData("~/name")]
    [InlineData("a/b/c")]
    [InlineData("owner\\name")]
    [InlineData("owner/na me")]
    [InlineData("owner/na--me")]
    [InlineData("owner/na..me")]
    [InlineData("owner/-name")]
    [InlineData("owner/name.git")]
    [InlineData("owner/name@")]
    [InlineData("owner/name@../x")]
    [InlineData("owner/name@a b\n")]
    [InlineData("öwner/name")]
    [InlineData("@owner/name")]
    public void What_is_no_name_is_refused(string text) => Should.Throw<InvalidDataException>(() => HubModelName.Parse(text)).Message
        .ShouldBe($"'{text}' is no model of the hub; name it OWNER/NAME, or one of gpt2, gpt2-medium, gpt2-large, gpt2-xl, distilgpt2.");

    [Fact]
    public void What_is_almost_a_short_name_is_guessed() =>
        Should.Throw<InvalidDataException>(() => HubModelName.Parse("gtp2-xl")).Message.ShouldBe("'gtp2-xl' is no model of the hub; did you mean 'gpt2-xl'?");

    [Fact]
    public void A_revision_that_can_not_be_one_is_refused() =>
        Should.Throw<InvalidDataException>(() => HubModelName.Parse("gpt2").At("a/../b")).Message.ShouldStartWith("'a/../b' can't be a revision");
}
