using Quatrain.Tensors.Ops;

namespace Quatrain.Models;

/// <summary>The keys and values of all layers for the tokens seen of one sequence, so that decoding computes each token once.</summary>
public sealed class KvSequence : IDisposable
{
    private readonly AttentionCache[] _layers;

    /// <summary>An empty sequence. Its memory is touched only as far as tokens come to lie in it.</summary>
    /// <param name="layerCount">L.</param>
    /// <param name="capacity">The tokens it can hold.</param>
    /// <param name="headCount">H.</param>
    /// <param name="headSize">D.</param>
    public KvSequence(int layerCount, int capacity, int headCount, int headSize)
    {
        _layers = new AttentionCache[layerCount];
        for (int i = 0; i < layerCount; i++)
        {
            _layers[i] = new AttentionCache(capacity, headCount, headSize);
        }
    }

    /// <summary>The tokens it can hold.</summary>
    public int Capacity => _layers[^1].Capacity;

    /// <summary>The tokens it holds.</summary>
    public int Length => _layers[^1].Length;

    internal AttentionCache this[int layer] => _layers[layer];

    internal int LayerCount => _layers.Length;

    /// <summary>Forgets all tokens from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        foreach (AttentionCache layer in _layers)
        {
            layer.Truncate(length);
        }
    }

    /// <summary>Takes over the first <paramref name="length"/> tokens of another sequence of the same model: two texts that begin alike need that beginning computed once.</summary>
    /// <exception cref="ArgumentException">The other has not as many tokens, they don't fit, or it is of another model.</exception>
    public void CopyFrom(KvSequence other, int length)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (int i = 0; i < _layers.Length; i++)
        {
            _layers[i].CopyFrom(other._layers[i], length);
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
