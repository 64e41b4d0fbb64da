using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors.Ops;

/// <summary>The keys and values that one attention layer has seen of one sequence, so that decoding computes only those of the new tokens.</summary>
/// <remarks>A head's keys lie side by side, and so do its values: attention reads them from front to back for each new token.</remarks>
public sealed unsafe class AttentionCache : IDisposable
{
    private readonly NativeBuffer _buffer;
    private readonly int _headCount;
    private readonly int _headSize;

    /// <summary>An empty cache. Its memory is touched only where tokens come to lie.</summary>
    /// <param name="capacity">The tokens it can hold.</param>
    /// <param name="headCount">H.</param>
    /// <param name="headSize">D.</param>
    public AttentionCache(int capacity, int headCount, int headSize)
    {
        (Capacity, _headCount, _headSize) = (capacity, headCount, headSize);
        _buffer = new NativeBuffer(2L * capacity * headCount * headSize, clear: false);
    }

    /// <summary>The tokens it can hold.</summary>
    public int Capacity { get; }

    /// <summary>The tokens it holds.</summary>
    public int Length { get; private set; }

    /// <summary>Where a pass finds the keys and values.</summary>
    internal CachedSequence Rows => new() { Keys = _buffer.Data, Values = ValueData, HeadStride = HeadStride, KeyCount = Length };

    private long HeadStride => (long)Capacity * _headSize;

    private float* ValueData => _buffer.Data + _headCount * HeadStride;

    /// <summary>Forgets all tokens from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    /// <summary>Takes over the first <paramref name="length"/> tokens of <paramref name="other"/> in place of its own.</summary>
    /// <exception cref="ArgumentException">The other has not as many, they don't fit, or its heads are others.</exception>
    public void CopyFrom(AttentionCache other, int length)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (length > other.Length || length > Capacity || (other._headCount, other._headSize) != (_headCount, _headSize))
        {
            throw new ArgumentException(
                $"AttentionCache: {length} of {other.Length} tokens with {other._headCount} x {other._headSize} can't be copied to one for {Capacity} tokens with {_headCount} x {_headSize}.");
        }

        for (int head = 0; head < _headCount; head++)
        {
            int count = length * _headSize;
            new Span<float>(other._buffer.Data + head * other.HeadStride, count).CopyTo(new Span<float>(_buffer.Data + head * HeadStride, count));
            new Span<float>(other.ValueData + head * other.HeadStride, count).CopyTo(new Span<float>(ValueData + head * HeadStride, count));
        }

        Length = length;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();

    /// <exception cref="ArgumentException">So many tokens of so many heads don't fit.</exception>
    internal void CheckFits(int count, int headCount, int headSize)
    {
        if ((headCount, headSize) != (_headCount, _headSize) || Length + count > Capacity)
        {
            throw new ArgumentException(
                $"AttentionCache: {count} tokens of {headCount} heads, {headSize} wide, don't fit a cache of {_headCount} heads, {_headSize} wide, that holds {Length} of {Capacity} tokens.");
        }
    }

    /// <summary>Copies the keys and values out of <paramref name="qkv"/> [T, 3C], where T is <paramref name="count"/>.</summary>
    internal void Append(float* qkv, int count)
    {
        int width = _headCount * _headSize;
        for (int t = 0; t < count; t++)
        {
            float* keys = qkv + ((long)t * 3 + 1) * width;
            for (int head = 0; head < _headCount; head++)
            {
                long to = head * HeadStride + (long)(Length + t) * _headSize;
                new ReadOnlySpan<float>(keys + head * _headSize, _headSize).CopyTo(new Span<float>(_buffer.Data + to, _headSize));
                new ReadOnlySpan<float>(keys + width + head * _headSize, _headSize).CopyTo(new Span<float>(ValueData + to, _headSize));
            }
        }

        Length += count;
    }
}
