namespace Quatrain.Models.Tests;

public class SuggestionTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("abc", "", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("seed", "sede", 1)]
    [InlineData("batchsize", "batch_size", 1)]
    public void Distance_counts_edits(string first, string second, int expected)
    {
        Suggestion.Distance(first, second).ShouldBe(expected);
        Suggestion.Distance(second, first).ShouldBe(expected);
    }

    [Theory]
    [InlineData("nanoo", "nano")]
    [InlineData("NANO", "nano")]
    [InlineData("bets1", "beta1")]
    [InlineData("something", null)]
    public void Nearest_finds_what_was_meant(string name, string? expected) =>
        Suggestion.Nearest(name, ["nano", "beta1", "beta2"]).ShouldBe(expected);

    [Theory]
    [InlineData("gtp2", "gpt2")]
    [InlineData("gtp-2", "gpt2")]
    [InlineData("gpt3-mediun", "gpt2-medium")]
    [InlineData("gpt3-mediuns", null)]
    [InlineData("gpx3", "gpt2")]
    [InlineData("g2", null)]
    [InlineData("abc2", null)]
    public void Nearest_keeps_to_the_edits_that_are_allowed_and_half_of_a_name(string name, string? expected) =>
        Suggestion.Nearest(name, ["gpt2", "gpt2-medium"], mostEdits: 2).ShouldBe(expected);

    [Fact]
    public void Nearest_gives_up_on_endless_names() => Suggestion.Nearest(new string('n', 1_000_000), ["nano"]).ShouldBeNull();

    [Fact]
    public void DidYouMean_ends_the_sentence_either_way()
    {
        Suggestion.DidYouMean("nan", ["nano"]).ShouldBe("; did you mean 'nano'?");
        Suggestion.DidYouMean("x", ["nano"]).ShouldBe(".");
    }
}
