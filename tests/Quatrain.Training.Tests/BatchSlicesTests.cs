namespace Quatrain.Training.Tests;

public sealed class BatchSlicesTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(12, 64, 1)]
    [InlineData(16, 128, 1)]
    [InlineData(17, 128, 2)]
    [InlineData(64, 256, 8)]
    [InlineData(65, 256, 9)]
    [InlineData(2, 2048, 2)]
    [InlineData(3, 5000, 3)]
    [InlineData(int.MaxValue, 1, 1 << 20)]
    public void A_batch_is_cut_into_slices_of_about_two_thousand_tokens_but_never_through_a_sequence(int batchSize, int contextLength, int count) =>
        new BatchSlices(batchSize, contextLength).Count.ShouldBe(count);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(64, 256)]
    [InlineData(65, 256)]
    [InlineData(70, 64)]
    [InlineData(3, 5000)]
    [InlineData(1000, 300)]
    public void Slices_are_as_even_as_can_be_and_make_up_the_batch(int batchSize, int contextLength)
    {
        BatchSlices slices = new(batchSize, contextLength);
        int[] sizes = [.. Enumerable.Range(0, slices.Count).Select(i => slices.Start(i + 1) - slices.Start(i))];

        slices.Start(0).ShouldBe(0);
        slices.Start(slices.Count).ShouldBe(batchSize);
        sizes.Sum().ShouldBe(batchSize);
        sizes.Max().ShouldBe(slices.LargestSize);
        sizes.Min().ShouldBeInRange(Math.Max(1, slices.LargestSize - 1), slices.LargestSize);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void An_empty_batch_is_refused(int batchSize, int contextLength) =>
        Should.Throw<ArgumentOutOfRangeException>(() => new BatchSlices(batchSize, contextLength));
}
