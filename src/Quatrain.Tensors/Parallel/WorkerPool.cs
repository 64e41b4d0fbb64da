using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors.Parallel;

/// <summary>
/// A fixed set of threads that share out the units of a kernel's work. The calling thread is worker 0 and works too.
/// </summary>
/// <remarks>
/// The workers spin for some tens of microseconds before they sleep, because a small model's training step hands work over a
/// hundred times and waking a thread costs more than most of that work. A share that its worker has not begun when the caller is done with
/// its own, because another program has the core or the work is tiny, the caller does itself. A pool serves one caller at a time.
/// </remarks>
public sealed unsafe class WorkerPool : IDisposable
{
    // About 50 microseconds on current machines: longer than the gaps between the kernels of a step.
    private const int SpinsBeforeSleep = 2_000;

    private readonly Worker[] _workers;
    private readonly NativeBuffer[] _scratch;
    private readonly float** _scratchTable;
    private void* _work;
    private delegate*<void*, int, int, int, void> _execute;
    private int _units;
    private volatile bool _stopping;
    private bool _disposed;

    /// <summary>Starts <paramref name="threads"/> - 1 threads beside the caller.</summary>
    /// <param name="threads">The number of workers; 0 means one for each physical core.</param>
    public WorkerPool(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Threads = threads == 0 ? ProcessorInfo.PhysicalCores : threads;
        _scratch = new NativeBuffer[Threads];
        _scratchTable = (float**)NativeMemory.AllocZeroed((nuint)Threads, (nuint)sizeof(float*));
        for (int i = 0; i < Threads; i++)
        {
            _scratch[i] = new NativeBuffer(0);
        }

        _workers = new Worker[Threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Worker(this, i + 1);
        }
    }

    /// <summary>The number of workers, the caller included.</summary>
    public int Threads { get; }

    /// <summary>The float lanes of one register on this machine: 16, 8, 4 or 1.</summary>
    public static int Lanes =>
        Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : Vector128.IsHardwareAccelerated ? 4 : 1;

    /// <summary>Makes sure that each worker's scratch memory holds at least <paramref name="floats"/> floats.</summary>
    internal void ReserveScratch(long floats)
    {
        for (int i = 0; i < _scratch.Length; i++)
        {
            if (_scratch[i].Length < floats)
            {
                _scratch[i].Dispose();
                _scratch[i] = new NativeBuffer(floats);
                _scratchTable[i] = _scratch[i].Data;
            }
        }
    }

    /// <summary>The scratch memory of each worker, for a work's fields: 64-byte aligned, contents undefined, good until the next reservation.</summary>
    internal float** ScratchTable => _scratchTable;

    /// <summary>Does all <paramref name="units"/> of <paramref name="work"/>, split into one range for each worker, and returns when they are done.</summary>
    internal void Run<TWork>(in TWork work, int units)
        where TWork : unmanaged, IWork
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        TWork local = work;
        if (units <= 1 || _workers.Length == 0)
        {
            if (units > 0)
            {
                Execute<TWork>(&local, 0, units, 0);
            }

            return;
        }

        _work = &local;
        _execute = &Execute<TWork>;
        _units = units;
        foreach (Worker worker in _workers)
        {
            worker.Start();
        }

        ExecuteShare(0, 0);
        foreach (Worker worker in _workers)
        {
            if (worker.TryTake())
            {
                ExecuteShare(worker.Index, 0);
            }
            else
            {
                worker.Wait();
            }
        }
    }

    /// <summary>Stops the threads and frees the scratch memory.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _stopping = true;
        foreach (Worker worker in _workers)
        {
            worker.Start();
            worker.Dispose();
        }

        foreach (NativeBuffer buffer in _scratch)
        {
            buffer.Dispose();
        }

        NativeMemory.Free(_scratchTable);
    }

    private static void Execute<TWork>(void* work, int start, int end, int worker)
        where TWork : unmanaged, IWork
    {
        if (Vector512.IsHardwareAccelerated)
        {
            ((TWork*)work)->Execute<Lanes16>(start, end, worker);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            ((TWork*)work)->Execute<Lanes8>(start, end, worker);
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            ((TWork*)work)->Execute<Lanes4>(start, end, worker);
        }
        else
        {
            ((TWork*)work)->Execute<Lanes1>(start, end, worker);
        }
    }

    /// <summary>Does share number <paramref name="share"/> of the units as worker <paramref name="worker"/>.</summary>
    private void ExecuteShare(int share, int worker)
    {
        int start = (int)((long)_units * share / Threads);
        int end = (int)((long)_units * (share + 1) / Threads);
        if (start < end)
        {
            _execute(_work, start, end, worker);
        }
    }

    private sealed class Worker : IDisposable
    {
        private readonly WorkerPool _pool;
        private readonly Thread _thread;
        private readonly SemaphoreSlim _wake = new(0);
        private Tickets _tickets;

        public Worker(WorkerPool pool, int index)
        {
            _pool = pool;
            Index = index;
            _thread = new Thread(Loop) { IsBackground = true, Name = $"quatrain worker {index}" };
            _thread.Start();
        }

        public int Index { get; }

        public void Start()
        {
            // A full fence on both sides: either this sees that the worker sleeps, or the worker sees the new ticket before it does.
            Interlocked.Increment(ref _tickets.Given);
            if (Volatile.Read(ref _tickets.Sleeping) != 0 && Interlocked.Exchange(ref _tickets.Sleeping, 0) != 0)
            {
                _wake.Release();
            }
        }

        /// <summary>Takes the share of the newest ticket, for the worker or the caller, whoever comes first.</summary>
        public bool TryTake() => TryTake(_tickets.Given);

        public void Wait()
        {
            int spins = 0;
            while (Volatile.Read(ref _tickets.Done) != _tickets.Given)
            {
                if (spins < SpinsBeforeSleep)
                {
                    spins++;
                    Thread.SpinWait(1);
                }
                else
                {
                    // The worker may have lost its core to another program: it can have ours.
                    Thread.Yield();
                }
            }
        }

        public void Dispose()
        {
            _thread.Join();
            _wake.Dispose();
        }

        // While a ticket is taken by the worker, the caller waits for it, so the work's fields hold still. A worker that comes too late for one
        // ticket fails to take it, whatever became of the fields, and looks for the next.
        private bool TryTake(int ticket) => Interlocked.CompareExchange(ref _tickets.Taken, ticket, ticket - 1) == ticket - 1;

        private void Loop()
        {
            int seen = 0;
            while (true)
            {
                seen = WaitForTicketAfter(seen);
                if (_pool._stopping)
                {
                    return;
                }

                if (TryTake(seen))
                {
                    _pool.ExecuteShare(Index, Index);
                    Volatile.Write(ref _tickets.Done, seen);
                }
            }
        }

        private int WaitForTicketAfter(int seen)
        {
            for (int spin = 0; spin < SpinsBeforeSleep; spin++)
            {
                int given = Volatile.Read(ref _tickets.Given);
                if (given != seen)
                {
                    return given;
                }

                Thread.SpinWait(1);
            }

            while (Volatile.Read(ref _tickets.Given) == seen)
            {
                Interlocked.Exchange(ref _tickets.Sleeping, 1);
                if (Volatile.Read(ref _tickets.Given) != seen && Interlocked.Exchange(ref _tickets.Sleeping, 0) != 0)
                {
                    break;
                }

                _wake.Wait();
            }

            return Volatile.Read(ref _tickets.Given);
        }
    }

    /// <summary>What caller and worker tell each other. Tickets count up from 1; what different sides write lies on different cache lines.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Tickets
    {
        [FieldOffset(64)]
        public int Given;

        [FieldOffset(68)]
        public int Sleeping;

        [FieldOffset(128)]
        public int Taken;

        [FieldOffset(192)]
        public int Done;
    }
}
