using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Parallel;

/// <summary>
/// A kernel's work on one operation: its operands as fields, and what to do for a range of independent units.
/// </summary>
/// <remarks>Units write to places of their own and the result of a unit does not depend on who computes it, so the bits are the same for any number of threads.</remarks>
internal interface IWork
{
    /// <summary>Does units [<paramref name="start"/>, <paramref name="end"/>) as worker number <paramref name="worker"/>.</summary>
    void Execute<V>(int start, int end, int worker)
        where V : unmanaged, ILanes<V>;
}
