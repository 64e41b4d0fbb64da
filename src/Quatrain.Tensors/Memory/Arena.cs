using System.Runtime.InteropServices;

namespace Quatrain.Tensors.Memory;

/// <summary>
/// Memory handed out from front to back and taken back all at once, or piece by piece, for the next request of the same size. Where it was
/// not reserved it is one block that fits after a step or two, and handing out costs an addition.
/// </summary>
internal sealed unsafe class Arena : IDisposable
{
    private const long SmallestBlock = 1 << 16;

    private readonly List<NativeBuffer> _blocks = [];
    private readonly List<FreePieces> _free = [];
    private long _used;
    private long _usedBefore;

    /// <summary>The floats that all requests since the last reset took up together; what was given back and handed out again counts once.</summary>
    public long Used => _usedBefore + _used;

    /// <summary>The floats held.</summary>
    public long Capacity { get; private set; }

    /// <summary>
    /// For tests: what is given back is filled with NaN and never handed out again, so that whoever still reads it shows.
    /// </summary>
    public bool PoisonsWhatIsFreed { get; set; }

    /// <summary>The floats that a request for <paramref name="floats"/> takes up.</summary>
    public static long SizeOf(long floats) =>
        // One line more than asked for: the last register of a row may be loaded over its end.
        (floats + (2 * NativeBuffer.AlignmentFloats) - 1) / NativeBuffer.AlignmentFloats * NativeBuffer.AlignmentFloats;

    /// <summary>Makes room for <paramref name="floats"/> floats in one block, so that nothing has to grow on the way there.</summary>
    /// <exception cref="InvalidOperationException">Something is handed out.</exception>
    public void Reserve(long floats)
    {
        if (Used > 0)
        {
            throw new InvalidOperationException("Memory is reserved before the first request of a step.");
        }

        if (Capacity < floats)
        {
            Dispose();
            AddBlock(floats);
        }
    }

    /// <summary>Memory for <paramref name="floats"/> floats on a cache line of its own; contents undefined.</summary>
    public float* Allocate(long floats)
    {
        long size = SizeOf(floats);
        foreach (ref FreePieces free in CollectionsMarshal.AsSpan(_free))
        {
            if (free.Size == size && free.First is not null)
            {
                float* piece = free.First;
                free.First = *(float**)piece;
                return piece;
            }
        }

        if (_blocks.Count == 0 || _used + size > _blocks[^1].Length)
        {
            _usedBefore += _used;
            _used = 0;
            AddBlock(Math.Max(Math.Max(size, SmallestBlock), Capacity / 2));
        }

        float* memory = _blocks[^1].Data + _used;
        _used += size;
        return memory;
    }

    /// <summary>Takes back what <see cref="Allocate"/> gave for <paramref name="floats"/> floats; the last piece of a size goes out first, still warm.</summary>
    public void Free(float* memory, long floats)
    {
        if (PoisonsWhatIsFreed)
        {
            NativeMemory.Fill(memory, (nuint)floats * sizeof(float), 0xFF);
            return;
        }

        long size = SizeOf(floats);
        foreach (ref FreePieces free in CollectionsMarshal.AsSpan(_free))
        {
            if (free.Size == size)
            {
                *(float**)memory = free.First;
                free.First = memory;
                return;
            }
        }

        *(float**)memory = null;
        _free.Add(new FreePieces { Size = size, First = memory });
    }

    /// <summary>Takes everything back. Several blocks become one of the size that was needed.</summary>
    public void Reset()
    {
        if (_blocks.Count > 1)
        {
            long needed = Used;
            Dispose();
            AddBlock(needed);
        }

        _used = 0;
        _usedBefore = 0;
        _free.Clear();
    }

    public void Dispose()
    {
        foreach (NativeBuffer block in _blocks)
        {
            block.Dispose();
        }

        _blocks.Clear();
        Capacity = 0;
    }

    private void AddBlock(long floats)
    {
        // Not cleared: a page that no request reaches is never touched, so room to grow costs addresses only.
        _blocks.Add(new NativeBuffer(floats, clear: false));
        Capacity += floats;
    }

    /// <summary>The pieces of one size that were given back, each holding the address of the next.</summary>
    private struct FreePieces
    {
        public long Size;
        public float* First;
    }
}
