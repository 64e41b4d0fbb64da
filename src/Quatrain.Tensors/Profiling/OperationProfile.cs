using System.Diagnostics;

namespace Quatrain.Tensors.Profiling;

/// <summary>Adds up the time of the operations of the tapes it hangs on. Used by one thread at a time.</summary>
public sealed class OperationProfile
{
    private readonly Dictionary<Operation, Sums> _sums = [];

    /// <summary>The operations so far, the one that took longest first.</summary>
    public IReadOnlyList<OperationTotal> Totals =>
    [
        .. _sums.Select(entry => new OperationTotal(entry.Key, entry.Value.Calls, (double)entry.Value.Ticks / Stopwatch.Frequency, entry.Value.Flops, entry.Value.Bytes))
            .OrderByDescending(total => total.Seconds),
    ];

    /// <summary>Forgets what was measured, for instance after the steps that warm up.</summary>
    public void Clear() => _sums.Clear();

    /// <summary>Starts the clock for one call; it stops when the result is disposed.</summary>
    /// <param name="operation">What is done.</param>
    /// <param name="flops">The floating-point operations of the call.</param>
    /// <param name="bytes">The bytes the call reads and writes.</param>
    public OperationTimer Start(Operation operation, double flops, double bytes) => new(this, operation, flops, bytes);

    internal void Add(Operation operation, long ticks, double flops, double bytes)
    {
        if (!_sums.TryGetValue(operation, out Sums? sums))
        {
            _sums.Add(operation, sums = new Sums());
        }

        sums.Calls++;
        sums.Ticks += ticks;
        sums.Flops += flops;
        sums.Bytes += bytes;
    }

    private sealed class Sums
    {
        public long Calls, Ticks;
        public double Flops, Bytes;
    }
}
