using Quatrain.Tensors.Ops;

namespace Quatrain.Models;

/// <summary>
/// The sequences that go through a model together, each with the keys and values of what came before. They may differ in length, and come and go between two
/// passes; row b of a pass is sequence b.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly List<KvSequence> _sequences = [];
    private AttentionCache[][] _layers = [];
    private int[] _lengths = [];

    /// <summary>A cache of no sequence yet.</summary>
    public KvCache()
    {
    }

    /// <summary>A cache of <paramref name="sequences"/>.</summary>
    public KvCache(IEnumerable<KvSequence> sequences)
    {
        ArgumentNullException.ThrowIfNull(sequences);
        foreach (KvSequence sequence in sequences)
        {
            Add(sequence);
        }
    }

    /// <summary>The sequences in the order of a pass's rows.</summary>
    public IReadOnlyList<KvSequence> Sequences => _sequences;

    /// <summary>The tokens held of the longest sequence.</summary>
    public int Length
    {
        get
        {
            int longest = 0;
            foreach (KvSequence sequence in _sequences)
            {
                longest = Math.Max(longest, sequence.Length);
            }

            return longest;
        }
    }

    /// <summary>The tokens held of each sequence.</summary>
    internal ReadOnlySpan<int> Lengths
    {
        get
        {
            for (int i = 0; i < _sequences.Count; i++)
            {
                _lengths[i] = _sequences[i].Length;
            }

            return _lengths.AsSpan(0, _sequences.Count);
        }
    }

    /// <summary>Each sequence's cache of one layer.</summary>
    internal ReadOnlySpan<AttentionCache> Layer(int layer) => _sequences.Count == 0 ? default : _layers[layer].AsSpan(0, _sequences.Count);

    /// <summary>Adds a sequence after the others.</summary>
    public void Add(KvSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        int row = _sequences.Count;
        if (_layers.Length != sequence.LayerCount)
        {
            _layers = new AttentionCache[sequence.LayerCount][];
            Array.Fill(_layers, []);
            _lengths = [];
        }

        if (_lengths.Length == row)
        {
            int room = Math.Max(4, 2 * row);
            Array.Resize(ref _lengths, room);
            for (int i = 0; i < _layers.Length; i++)
            {
                Array.Resize(ref _layers[i], room);
            }
        }

        _sequences.Add(sequence);
        for (int i = 0; i < _layers.Length; i++)
        {
            _layers[i][row] = sequence[i];
        }
    }

    /// <summary>Takes all sequences out; they keep their tokens.</summary>
    public void Clear() => _sequences.Clear();

    /// <summary>Forgets of each sequence all tokens from <paramref name="length"/> on.</summary>
    public void Truncate(int length)
    {
        foreach (KvSequence sequence in _sequences)
        {
            sequence.Truncate(length);
        }
    }

    /// <summary>Frees the memory of the sequences in it.</summary>
    public void Dispose()
    {
        foreach (KvSequence sequence in _sequences)
        {
            sequence.Dispose();
        }
    }
}
