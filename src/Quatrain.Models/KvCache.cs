using Quatrain.Tensors.Ops;

namespace Quatrain.Models;

/// <summary>The keys and values of all layers for the tokens seen so far, so that decoding computes each token once.</summary>
public sealed class KvCache : IDisposable
{
    private readonly AttentionCache[] _layers;

    /// <summary>An empty cache.</summary>
    /// <param name="layerCount">L.</param>
    /// <param name="batchSize">B: sequences that go on together.</param>
    /// <param name="capacity">The tokens each sequence can hold.</param>
    /// <param name="width">C.</param>
    public KvCache(int layerCount, int batchSize, int capacity, int width)
    {
        Capacity = capacity;
        _layers = new AttentionCache[layerCount];
        for (int i = 0; i < layerCount; i++)
        {
            _layers[i] = new AttentionCache(batchSize, capacity, width);
        }
    }

    /// <summary>The tokens each sequence can hold.</summary>
    public int Capacity { get; }

    /// <summary>The tokens held of each sequence.</summary>
    public int Length => _layers[^1].Length;

    /// <summary>The cache of one layer.</summary>
    public AttentionCache this[int layer] => _layers[layer];

    /// <summary>Forgets all tokens from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        foreach (AttentionCache layer in _layers)
        {
            layer.Truncate(length);
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (AttentionCache layer in _layers)
        {
            layer.Dispose();
        }
    }
}
