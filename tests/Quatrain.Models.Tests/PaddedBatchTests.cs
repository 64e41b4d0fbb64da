namespace Quatrain.Models.Tests;

public sealed class PaddedBatchTests
{
    [Fact]
    public void Shorter_sequences_are_padded_on_the_right()
    {
        PaddedBatch batch = new([[1, 2], [3, 4, 5], [6]], 9);

        (batch.BatchSize, batch.Length).ShouldBe((3, 3));
        batch.Tokens.ShouldBe([1, 2, 9, 3, 4, 5, 6, 9, 9]);
        batch.Lengths.ShouldBe([2, 3, 1]);
        batch.LastRows.ShouldBe([1, 5, 6]);
    }

    [Fact]
    public void No_sequence_and_an_empty_one_are_refused()
    {
        Should.Throw<ArgumentException>(() => new PaddedBatch([], 0));
        Should.Throw<ArgumentException>(() => new PaddedBatch([[1], []], 0));
    }
}
