using Quatrain.Tensors.Kernels;
using Quatrain.Tensors.Memory;

namespace Quatrain.Tensors.Ops;

/// <summary>The keys and values one attention layer has seen, so that decoding computes only those of the new tokens.</summary>
public sealed unsafe class AttentionCache : IDisposable
{
    private readonly NativeBuffer _buffer;
    private readonly int _batchSize;
    private readonly int _capacity;
    private readonly int _width;

    /// <summary>An empty cache.</summary>
    /// <param name="batchSize">B: sequences that go on together.</param>
    /// <param name="capacity">The tokens each sequence can hold.</param>
    /// <param name="width">C: the heads of a key or a value side by side.</param>
    public AttentionCache(int batchSize, int capacity, int width)
    {
        (_batchSize, _capacity, _width) = (batchSize, capacity, width);
        _buffer = new NativeBuffer(2L * batchSize * capacity * width);
    }

    /// <summary>The tokens held of each sequence.</summary>
    public int Length { get; private set; }

    internal HeadRows Keys => new(_buffer.Data, (long)_capacity * _width, _width);

    internal HeadRows Values => new(_buffer.Data + (long)_batchSize * _capacity * _width, (long)_capacity * _width, _width);

    /// <summary>Forgets all tokens from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _buffer.Dispose();

    /// <summary>Copies the keys and values out of <paramref name="qkv"/> [B, T, 3C] and returns the new length.</summary>
    internal int Append(Tensor qkv, int batchSize, int count, int width)
    {
        if (batchSize != _batchSize || width != _width || Length + count > _capacity)
        {
            throw new ArgumentException(
                $"AttentionCache: {count} tokens of {batchSize} sequences, {width} wide, don't fit a cache of {_batchSize} sequences, {_width} wide, that holds {Length} of {_capacity} tokens.");
        }

        for (int b = 0; b < batchSize; b++)
        {
            for (int t = 0; t < count; t++)
            {
                float* from = qkv.Data + ((long)b * count + t) * 3 * width + width;
                long to = b * Keys.BatchStride + (Length + t) * (long)width;
                new ReadOnlySpan<float>(from, width).CopyTo(new Span<float>(Keys.Data + to, width));
                new ReadOnlySpan<float>(from + width, width).CopyTo(new Span<float>(Values.Data + to, width));
            }
        }

        return Length += count;
    }
}
