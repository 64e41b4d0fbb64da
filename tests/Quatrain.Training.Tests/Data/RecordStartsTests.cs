using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public class RecordStartsTests
{
    [Theory]
    [InlineData("", new int[] { })]
    [InlineData("one", new[] { 0 })]
    [InlineData("one\ntwo\n", new[] { 0 })]
    [InlineData("one\n\ntwo\n\n", new[] { 0, 5 })]
    [InlineData("one\n\n\n\ntwo\n\nthree", new[] { 0, 7, 12 })]
    [InlineData("\n\n\none\n\ntwo", new[] { 0, 8 })]
    [InlineData("one\r\n\r\ntwo\r\n", new[] { 0, 7 })]
    [InlineData("\n\n", new[] { 0 })]
    public void AfterBlankLines_finds_the_first_character_of_each_record(string text, int[] expected) =>
        RecordStarts.AfterBlankLines(text).ShouldBe(expected);
}
