using Quatrain.Inference.Evaluation;

namespace Quatrain.Inference.Tests.Evaluation;

public sealed class HarnessTextTests
{
    [Theory]
    [InlineData("Cut grass", "A man mows.", "he sits", "Cut grass: A man mows. He sits")]
    [InlineData("Cut grass", "A man mows.", "", "Cut grass: A man mows. ")]
    [InlineData("Health", "[header] How to rest [title] Lie down. [step] Close your eyes.", "THEN sleep", "Health: How to rest. Lie down. Close your eyes. Then sleep")]
    public void Contexts_are_the_harness_s(string activity, string first, string second, string expected)
    {
        // The harness strips before it cleans, so the space after an empty second part goes.
        HarnessText.Context(activity, first, second).ShouldBe(expected.TrimEnd());
    }

    [Theory]
    [InlineData(" go away [substeps] now. ", "go away now.")]
    [InlineData("one [title] Two [step] three", "one. Two three")]
    [InlineData("a [not closed", "a [not closed")]
    [InlineData("[x]", "")]
    public void Endings_are_the_harness_s(string ending, string expected) => HarnessText.Clean(ending).ShouldBe(expected);
}
