using System.Runtime.CompilerServices;
using Quatrain.Tensors.Kernels.Simd;

namespace Quatrain.Tensors.Kernels;

/// <summary>
/// A dropout mask that is never stored: element i is kept or not by a hash of i and a key, so the backward pass finds the same
/// mask, whatever the number of threads or the order of work.
/// </summary>
internal readonly struct Dropout
{
    private readonly ulong _key;
    private readonly uint _threshold;
    private readonly float _scale;

    /// <summary>A mask that drops elements with probability <paramref name="rate"/> in [0, 1) and scales the others by 1 / (1 - rate).</summary>
    public Dropout(float rate, ulong key)
    {
        if (!(rate >= 0 && rate < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "A dropout rate lies in [0, 1).");
        }

        _key = key;
        _threshold = (uint)(rate * 4294967296.0);
        _scale = 1 / (1 - rate);
    }

    /// <summary>No dropout.</summary>
    public static Dropout None => default;

    /// <summary>Whether anything is dropped at all.</summary>
    public bool Active => _threshold != 0;

    /// <summary>The same dropout with an unrelated mask, for part <paramref name="part"/> of an operation.</summary>
    public Dropout ForPart(int part) => new(this, RandomSource.Mix(_key, (ulong)part));

    private Dropout(Dropout other, ulong key)
    {
        this = other;
        _key = key;
    }

    /// <summary>The factors of elements <paramref name="index"/> and on: 0 or the scale.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Mask<V>(uint index)
        where V : unmanaged, ILanes<V> => V.DropoutMask(index, _key, _threshold, _scale);
}
