namespace Quatrain.Inference.Tests;

public sealed class TokenIdListTests
{
    [Theory]
    [InlineData("0", new[] { 0 })]
    [InlineData("1,2,3", new[] { 1, 2, 3 })]
    [InlineData(" 64 ,\t7,007 ", new[] { 64, 7, 7 })]
    public void Parse_reads_ids_with_and_without_spaces(string text, int[] expected) =>
        TokenIdList.Parse(text, 65).ShouldBe(expected);

    [Theory]
    [InlineData("", "The list of token ids is empty; give at least one, as in 1,2,3.")]
    [InlineData("  ", "The list of token ids is empty;")]
    [InlineData("1,,2", "Token id 2 of the list is missing;")]
    [InlineData("1,2,", "Token id 3 of the list is missing;")]
    [InlineData("1,two", "Token id 2 of the list, 'two', is not a whole number;")]
    [InlineData("1.5", "Token id 1 of the list, '1.5', is not a whole number;")]
    [InlineData("1 2", "Token id 1 of the list, '1 2', is not a whole number;")]
    [InlineData("+1", "Token id 1 of the list, '+1', is not a whole number;")]
    [InlineData("-", "Token id 1 of the list, '-', is not a whole number;")]
    [InlineData("1;2", "Token id 1 of the list, '1;2', is not a whole number;")]
    [InlineData("\u0663", "Token id 1 of the list, '\u0663', is not a whole number;")]
    [InlineData("3,-4", "Token id 2 of the list, -4, is negative; ids start at 0.")]
    [InlineData("3,65", "Token id 2 of the list, 65, is outside the model's vocabulary of 65 tokens (ids 0 to 64).")]
    [InlineData("99999999999", "Token id 1 of the list, 99999999999, is outside the model's vocabulary of 65 tokens (ids 0 to 64).")]
    public void Parse_names_what_it_can_not_use(string text, string message) =>
        Should.Throw<InvalidDataException>(() => TokenIdList.Parse(text, 65)).Message.ShouldStartWith(message);
}
