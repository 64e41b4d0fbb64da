using System.Globalization;
using Quatrain.Training.FineTuning.Instruction;

namespace Quatrain.Training.Tests.FineTuning.Instruction;

public sealed class InstructionSplitTests
{
    [Fact]
    public void Without_a_seed_the_parts_are_the_book_s()
    {
        InstructionSplit split = InstructionSplit.Of(Entries(1100), seed: null);

        Numbers(split.Training).ShouldBe(Enumerable.Range(0, 935));
        Numbers(split.Test).ShouldBe(Enumerable.Range(935, 110));
        Numbers(split.Validation).ShouldBe(Enumerable.Range(1045, 55));
    }

    [Fact]
    public void A_seed_decides_the_order_and_every_entry_is_in_one_part()
    {
        InstructionSplit split = InstructionSplit.Of(Entries(1100), seed: 5), same = InstructionSplit.Of(Entries(1100), seed: 5), other = InstructionSplit.Of(Entries(1100), seed: 6);

        (split.Training.Count, split.Validation.Count, split.Test.Count).ShouldBe((935, 55, 110));
        Numbers([.. split.Training, .. split.Test, .. split.Validation]).Order().ShouldBe(Enumerable.Range(0, 1100));
        Numbers(same.Training).ShouldBe(Numbers(split.Training));
        Numbers(other.Training).ShouldNotBe(Numbers(split.Training));
        Numbers(split.Validation).Average().ShouldBeInRange(350, 750);
    }

    [Fact]
    public void Small_data_has_something_in_each_part_that_has_a_share()
    {
        InstructionSplit split = InstructionSplit.Of(Entries(3), seed: 1), none = InstructionSplit.Of(Entries(3), seed: 1, validationShare: 0, testShare: 0);

        (split.Training.Count, split.Validation.Count, split.Test.Count).ShouldBe((1, 1, 1));
        (none.Training.Count, none.Validation.Count, none.Test.Count).ShouldBe((3, 0, 0));
        Should.Throw<InvalidDataException>(() => InstructionSplit.Of(Entries(2), seed: 1)).Message
            .ShouldBe("2 entries are too few for training, 1 for validation and 1 for a test; give more, or smaller shares.");
    }

    [Theory]
    [InlineData(-0.1, 0)]
    [InlineData(0.5, 0.5)]
    [InlineData(double.NaN, 0)]
    public void Refuses_impossible_shares(double validation, double test) =>
        Should.Throw<InvalidDataException>(() => InstructionSplit.Of(Entries(10), 1, validation, test)).Message.ShouldContain("give shares from 0 whose sum is less than 1");

    private static InstructionEntry[] Entries(int count) => [.. Enumerable.Range(0, count).Select(i => new InstructionEntry($"{i}", []))];

    private static IEnumerable<int> Numbers(IEnumerable<InstructionEntry> entries) => entries.Select(entry => int.Parse(entry.Where, CultureInfo.InvariantCulture));
}
