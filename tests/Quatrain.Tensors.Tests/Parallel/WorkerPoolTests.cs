using Quatrain.Tensors.Kernels.Simd;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Tensors.Tests.Parallel;

public sealed unsafe class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(16)]
    public void Each_unit_is_done_exactly_once(int threads)
    {
        using WorkerPool pool = new(threads);
        pool.Threads.ShouldBe(threads);
        foreach (int units in (ReadOnlySpan<int>)[0, 1, 2, 3, 4, 7, 16, 17, 1000])
        {
            int[] counts = new int[units + 1];
            fixed (int* start = counts)
            {
                pool.Run(new CountWork { Counts = start, Threads = threads }, units);
            }

            counts.ShouldBe([.. Enumerable.Repeat(1, units), 0]);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void Many_quick_runs_in_a_row_lose_nothing(int threads)
    {
        // Fewer where cores are missing or busy: there each hand-over waits for the system to switch threads.
        const int MostRuns = 100_000;
        long deadline = Environment.TickCount64 + 2_000;
        int runs = 0;
        using WorkerPool pool = new(threads);
        int[] counts = new int[threads];
        fixed (int* start = counts)
        {
            for (; runs < MostRuns && Environment.TickCount64 < deadline; runs++)
            {
                pool.Run(new CountWork { Counts = start, Threads = threads }, threads);
            }
        }

        counts.ShouldAllBe(count => count == runs);
    }

    [Fact]
    public void Workers_that_fell_asleep_wake_up()
    {
        using WorkerPool pool = new(3);
        int[] counts = new int[3];
        fixed (int* start = counts)
        {
            for (int run = 0; run < 20; run++)
            {
                // Far longer than the workers spin.
                Thread.Sleep(20);
                pool.Run(new CountWork { Counts = start, Threads = 3 }, 3);
            }
        }

        counts.ShouldAllBe(count => count == 20);
    }

    [Fact]
    public void Work_runs_at_the_width_the_pool_reports()
    {
        using WorkerPool pool = new(2);
        int[] widths = new int[2];
        fixed (int* start = widths)
        {
            pool.Run(new WidthWork { Widths = start }, 2);
        }

        WorkerPool.Lanes.ShouldBeOneOf(1, 4, 8, 16);
        widths.ShouldBe([WorkerPool.Lanes, WorkerPool.Lanes]);
    }

    [Fact]
    public void Each_worker_has_scratch_memory_of_its_own()
    {
        using WorkerPool pool = new(3);
        pool.ReserveScratch(100);
        pool.ReserveScratch(1000);
        pool.ReserveScratch(10);
        for (int worker = 0; worker < 3; worker++)
        {
            ((nint)pool.ScratchTable[worker] % 64).ShouldBe(0);
            new Span<float>(pool.ScratchTable[worker], 1000).Fill(worker);
        }

        for (int worker = 0; worker < 3; worker++)
        {
            new Span<float>(pool.ScratchTable[worker], 1000).IndexOfAnyExcept((float)worker).ShouldBe(-1);
        }
    }

    [Fact]
    public void A_pool_takes_the_physical_cores_unless_it_is_told()
    {
        using WorkerPool pool = new();
        pool.Threads.ShouldBe(ProcessorInfo.PhysicalCores);
        Should.Throw<ArgumentOutOfRangeException>(() => new WorkerPool(-1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_disposed_pool_refuses_work_and_may_be_disposed_again(int threads)
    {
        WorkerPool pool = new(threads);
        pool.Dispose();
        pool.Dispose();
        Should.Throw<ObjectDisposedException>(() => pool.Run(default(WidthWork), 4));
    }

    [Fact]
    public void Sleeping_workers_stop_at_once_when_the_pool_is_disposed()
    {
        for (int i = 0; i < 50; i++)
        {
            WorkerPool pool = new(3);
            Thread.Sleep(i % 5);
            pool.Dispose();
        }
    }

    private struct CountWork : IWork
    {
        public int* Counts;
        public int Threads;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            // A unit done by a worker that does not exist would be seen as done never.
            for (int unit = start; unit < end && worker >= 0 && worker < Threads; unit++)
            {
                Interlocked.Increment(ref Counts[unit]);
            }
        }
    }

    private struct WidthWork : IWork
    {
        public int* Widths;

        public readonly void Execute<V>(int start, int end, int worker)
            where V : unmanaged, ILanes<V>
        {
            for (int unit = start; unit < end; unit++)
            {
                Widths[unit] = V.Count;
            }
        }
    }
}
