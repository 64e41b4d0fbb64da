using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;

namespace Quatrain.Tensors.Tests.Profiling;

public sealed class MachineSpeedTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Both_speeds_are_positive_numbers(int threads)
    {
        using WorkerPool pool = new(threads);

        using MachineProbe probe = new(pool, bufferBytes: 1 << 20);

        MachineSpeed speed = MachineSpeed.Measure(probe, TimeSpan.Zero, CancellationToken.None);

        speed.PeakGflops.ShouldBePositive();
        double.IsFinite(speed.PeakGflops).ShouldBeTrue();
        speed.MemoryGigabytesPerSecond.ShouldBePositive();
        double.IsFinite(speed.MemoryGigabytesPerSecond).ShouldBeTrue();
    }

    [Fact]
    public void A_machine_with_hardly_any_memory_left_is_measured_all_the_same()
    {
        using WorkerPool pool = new(3);

        using MachineProbe probe = new(pool, bufferBytes: 0);

        probe.ReadGigabytesPerSecond().ShouldBePositive();
    }

    [Fact]
    public void Cancelling_ends_it()
    {
        using WorkerPool pool = new(1);

        Should.Throw<OperationCanceledException>(() => MachineSpeed.Measure(pool, new CancellationToken(canceled: true)));
    }
}
