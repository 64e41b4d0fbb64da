using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Tests.Support;

namespace Quatrain.Tensors.Tests.Kernels;

public sealed unsafe class MachineSpeedKernelTests
{
    /// <summary>Every lane of every sum goes 1, 1.5, 1.75: the total shows that none was left out, on any register.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 1.5)]
    [InlineData(3, 1.75)]
    [InlineData(1_000, 2)]
    public void Every_lane_of_every_sum_takes_part_in_every_round(long rounds, double lane)
    {
        foreach ((int lanes, float twelve, float twentyFour) in new[]
        {
            (1, MachineSpeedKernel.Chains12<Lanes1>(rounds), MachineSpeedKernel.Chains24<Lanes1>(rounds)),
            (4, MachineSpeedKernel.Chains12<Lanes4>(rounds), MachineSpeedKernel.Chains24<Lanes4>(rounds)),
            (8, MachineSpeedKernel.Chains12<Lanes8>(rounds), MachineSpeedKernel.Chains24<Lanes8>(rounds)),
            (16, MachineSpeedKernel.Chains12<Lanes16>(rounds), MachineSpeedKernel.Chains24<Lanes16>(rounds)),
        })
        {
            ((double)twelve).ShouldBe(12 * lanes * lane, $"{lanes} lanes");
            ((double)twentyFour).ShouldBe(24 * lanes * lane, $"{lanes} lanes");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void As_many_operations_are_counted_as_are_done(int threads)
    {
        using WorkerPool pool = new(threads);

        // One round adds 1 to every lane, by two operations.
        double lanes = MachineSpeedKernel.MultiplyAdd(1, pool);

        lanes.ShouldBeGreaterThanOrEqualTo(12.0 * threads * WorkerPool.Lanes);
        MachineSpeedKernel.MultiplyAddFlops(1, pool).ShouldBe(2 * lanes);
        MachineSpeedKernel.MultiplyAddFlops(1_000, pool).ShouldBe(2_000 * lanes);
    }

    [Fact]
    public void Sum_adds_every_float_once_on_every_register()
    {
        const int Count = 3 * 8 * 16;
        using GuardedMemory memory = new();
        float* x = memory.Copy([.. Enumerable.Range(1, Count).Select(i => (float)i)]);
        const float Expected = Count * (Count + 1) / 2;

        MachineSpeedKernel.Sum<Lanes1>(x, Count).ShouldBe(Expected);
        MachineSpeedKernel.Sum<Lanes4>(x, Count).ShouldBe(Expected);
        MachineSpeedKernel.Sum<Lanes8>(x, Count).ShouldBe(Expected);
        MachineSpeedKernel.Sum<Lanes16>(x, Count).ShouldBe(Expected);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Read_reads_every_part_once_whoever_does_it(int threads)
    {
        const int Units = 3;
        using WorkerPool pool = new(threads);
        using NativeBuffer buffer = new(Units * MachineSpeedKernel.ReadUnit);
        double expected = 0;
        for (int unit = 0; unit < Units; unit++)
        {
            buffer.Data[unit * MachineSpeedKernel.ReadUnit] = 1 << unit;
            buffer.Data[(unit + 1) * MachineSpeedKernel.ReadUnit - 1] = 1 << (unit + Units);
            expected += (1 << unit) + (1 << (unit + Units));
        }

        MachineSpeedKernel.Read(buffer.Data, buffer.Length, pool).ShouldBe(expected);
    }
}
