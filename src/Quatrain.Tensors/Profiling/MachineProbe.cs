using System.Diagnostics;
using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Profiling;

/// <summary>
/// Measures what a machine can do in a few milliseconds at a time, between the pieces of work that are held against it: on a shared machine both change from second to
/// second, so only what ran side by side compares.
/// </summary>
public sealed class MachineProbe : IDisposable
{
    private const int UnitBytes = MachineSpeedKernel.ReadUnit * sizeof(float);

    // Larger than the caches of nearly all machines, and no burden to one with little memory.
    private const long BufferBytes = 512L << 20;
    private const int ShareOfAvailable = 8;

    private const int WarmUpCalls = 3;

    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(5);

    private readonly WorkerPool _pool;
    private readonly NativeBuffer _buffer;
    private long _rounds = 1_000;
    private long _readFloats;
    private long _readFrom;

    /// <summary>Takes memory to read, 512 MB or an eighth of what is free, and warms up.</summary>
    /// <param name="pool">The workers.</param>
    /// <exception cref="InsufficientMemoryException">The system has not the memory.</exception>
    public MachineProbe(WorkerPool pool)
        : this(pool, Math.Min(BufferBytes, SystemMemory.AvailableBytes / ShareOfAvailable))
    {
    }

    internal MachineProbe(WorkerPool pool, long bufferBytes)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _pool = pool;
        _buffer = new NativeBuffer(Math.Max(pool.Threads, bufferBytes / UnitBytes) * MachineSpeedKernel.ReadUnit);
        _readFloats = (long)pool.Threads * MachineSpeedKernel.ReadUnit;
        // Until the code is compiled for good, it takes as long as more work will.
        for (int i = 0; i < WarmUpCalls; i++)
        {
            MultiplyAddGflops();
            ReadGigabytesPerSecond();
        }
    }

    /// <summary>Fused multiply-adds on registers alone, in 10^9 floating-point operations a second; each counts two.</summary>
    public double MultiplyAddGflops()
    {
        TimeSpan time;
        while ((time = Time(MultiplyAdd)) < Round)
        {
            _rounds *= 2;
        }

        return MachineSpeedKernel.MultiplyAddFlops(_rounds, _pool) / time.TotalSeconds / 1e9;
    }

    /// <summary>Reading memory that no cache holds, in 10^9 bytes a second.</summary>
    public double ReadGigabytesPerSecond()
    {
        TimeSpan time;
        while ((time = Time(Read)) < Round && 2 * _readFloats <= _buffer.Length)
        {
            _readFloats *= 2;
        }

        return _readFloats * sizeof(float) / time.TotalSeconds / 1e9;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();

    private static TimeSpan Time(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start);
    }

    private void MultiplyAdd() => MachineSpeedKernel.MultiplyAdd(_rounds, _pool);

    /// <summary>The next piece of the buffer, so that none of it is still in a cache.</summary>
    private unsafe void Read()
    {
        _readFrom = _readFrom + _readFloats <= _buffer.Length ? _readFrom : 0;
        MachineSpeedKernel.Read(_buffer.Data + _readFrom, _readFloats, _pool);
        _readFrom += _readFloats;
    }
}
