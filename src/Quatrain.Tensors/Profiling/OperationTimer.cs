using System.Diagnostics;

namespace Quatrain.Tensors.Profiling;

/// <summary>The clock of one call; without a profile it does nothing.</summary>
public readonly ref struct OperationTimer
{
    private readonly OperationProfile? _profile;
    private readonly Operation _operation;
    private readonly double _flops;
    private readonly double _bytes;
    private readonly long _start;

    internal OperationTimer(OperationProfile profile, Operation operation, double flops, double bytes)
    {
        (_profile, _operation, _flops, _bytes) = (profile, operation, flops, bytes);
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>Stops the clock.</summary>
    public void Dispose() => _profile?.Add(_operation, Stopwatch.GetTimestamp() - _start, _flops, _bytes);
}
