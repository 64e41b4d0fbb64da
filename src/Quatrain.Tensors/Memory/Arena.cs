namespace Quatrain.Tensors.Memory;

/// <summary>
/// Memory handed out from front to back and taken back all at once. After a step or two it is one block that fits, and
/// handing out costs an addition.
/// </summary>
internal sealed unsafe class Arena : IDisposable
{
    private const long SmallestBlock = 1 << 16;

    private readonly List<NativeBuffer> _blocks = [];
    private long _used;
    private long _usedBefore;

    /// <summary>The floats handed out since the last reset.</summary>
    public long Used => _usedBefore + _used;

    /// <summary>The floats held.</summary>
    public long Capacity { get; private set; }

    /// <summary>The floats that a request for <paramref name="floats"/> takes up.</summary>
    public static long SizeOf(long floats) =>
        // One line more than asked for: the last register of a row may be loaded over its end.
        (floats + (2 * NativeBuffer.AlignmentFloats) - 1) / NativeBuffer.AlignmentFloats * NativeBuffer.AlignmentFloats;

    /// <summary>Memory for <paramref name="floats"/> floats on a cache line of its own; contents undefined.</summary>
    public float* Allocate(long floats)
    {
        long size = SizeOf(floats);
        if (_blocks.Count == 0 || _used + size > _blocks[^1].Length)
        {
            _usedBefore += _used;
            _used = 0;
            long length = Math.Max(Math.Max(size, SmallestBlock), Capacity / 2);
            _blocks.Add(new NativeBuffer(length));
            Capacity += length;
        }

        float* memory = _blocks[^1].Data + _used;
        _used += size;
        return memory;
    }

    /// <summary>Takes everything back. Several blocks become one of the size that was needed.</summary>
    public void Reset()
    {
        if (_blocks.Count > 1)
        {
            long needed = Used;
            Dispose();
            _blocks.Add(new NativeBuffer(needed));
            Capacity = needed;
        }

        _used = 0;
        _usedBefore = 0;
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
}
