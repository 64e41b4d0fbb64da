namespace Quatrain.Tensors.Profiling;

/// <summary>What an operation came to over all its calls.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Calls">How often it was done.</param>
/// <param name="Seconds">The time it took.</param>
/// <param name="Flops">The floating-point operations, where they are what takes the time; otherwise 0.</param>
/// <param name="Bytes">The bytes of the tensors it reads and writes, each counted once.</param>
public sealed record OperationTotal(Operation Operation, long Calls, double Seconds, double Flops, double Bytes)
{
    /// <summary>10^9 floating-point operations a second, where they are what takes the time; otherwise null.</summary>
    public double? Gflops => Flops > 0 ? Flops / Seconds / 1e9 : null;

    /// <summary>10^9 bytes a second, where moving them is what takes the time; otherwise null.</summary>
    public double? GigabytesPerSecond => Flops > 0 ? null : Bytes / Seconds / 1e9;

    /// <summary>
    /// The speed as a share of what <paramref name="machine"/> can do: its arithmetic or its memory, whichever the operation is bound by. What lies in the
    /// caches can be moved faster than memory.
    /// </summary>
    public double ShareOfPeak(MachineSpeed machine) => Gflops / machine.PeakGflops ?? Bytes / Seconds / 1e9 / machine.MemoryGigabytesPerSecond;
}
