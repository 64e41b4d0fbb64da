using System.Diagnostics;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Tests.Profiling;

public sealed class OperationProfileTests
{
    private static readonly Operation Product = new("product", 2, 3, 4), Other = new("product", 2, 3, 5), Copy = new("copy", 6, 7);

    [Fact]
    public void Calls_of_the_same_operation_are_added_up_and_the_longest_comes_first()
    {
        OperationProfile profile = new();
        profile.Add(Copy, Stopwatch.Frequency, 0, 100);
        profile.Add(Product, Stopwatch.Frequency, 48, 10);
        profile.Add(Other, 5 * Stopwatch.Frequency, 60, 20);
        profile.Add(Product, 2 * Stopwatch.Frequency, 48, 10);

        profile.Totals.ShouldBe(
        [
            new OperationTotal(Other, 1, 5, 60, 20),
            new OperationTotal(Product, 2, 3, 96, 20),
            new OperationTotal(Copy, 1, 1, 0, 100),
        ]);
    }

    [Fact]
    public void Clear_forgets_everything()
    {
        OperationProfile profile = new();
        profile.Add(Copy, 1, 0, 1);

        profile.Clear();

        profile.Totals.ShouldBeEmpty();
    }

    [Fact]
    public void A_call_counts_when_its_clock_stops()
    {
        OperationProfile profile = new();

        using (profile.Start(Product, 48, 10))
        {
            profile.Totals.ShouldBeEmpty();
        }

        OperationTotal total = profile.Totals.ShouldHaveSingleItem();
        (total.Operation, total.Calls, total.Flops, total.Bytes).ShouldBe((Product, 1, 48, 10));
        total.Seconds.ShouldBeGreaterThanOrEqualTo(0);
    }

    [Fact]
    public void A_clock_without_a_profile_does_nothing() => default(OperationTimer).Dispose();

    [Fact]
    public void Arithmetic_is_compared_with_the_peak_and_everything_else_with_memory()
    {
        MachineSpeed machine = new(PeakGflops: 100, MemoryGigabytesPerSecond: 20);
        OperationTotal product = new(Product, 3, Seconds: 2, Flops: 50e9, Bytes: 7e9), copy = new(Copy, 1, Seconds: 0.5, Flops: 0, Bytes: 8e9);

        (product.Gflops, product.GigabytesPerSecond, product.ShareOfPeak(machine)).ShouldBe((25, null, 0.25));
        (copy.Gflops, copy.GigabytesPerSecond, copy.ShareOfPeak(machine)).ShouldBe((null, 16, 0.8));
    }
}
