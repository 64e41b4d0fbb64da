namespace Quatrain.Tensors.Profiling;

/// <summary>What an operation came to over all its calls.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Calls">How often it was done.</param>
/// <param name="Seconds">The time it took.</param>
/// <param name="Flops">The floating-point operations, where they are what takes the time; otherwise 0.</param>
/// <param name="Bytes">The bytes of the tensors it reads and writes, each counted once.</param>
public sealed record OperationTotal(Operation Operation, long Calls, double Seconds, double Flops, double Bytes);
