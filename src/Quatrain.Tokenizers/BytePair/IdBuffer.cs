namespace Quatrain.Tokenizers.BytePair;

/// <summary>Token ids as they come.</summary>
internal sealed class IdBuffer
{
    private const int InitialCapacity = 1024;
    private const int MostKept = 1 << 20;

    private int[] _ids = new int[InitialCapacity];

    public int Count { get; private set; }

    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Count);

    /// <summary>Forgets the ids, and the memory if it is much.</summary>
    public void Clear()
    {
        Count = 0;
        if (_ids.Length > MostKept)
        {
            _ids = new int[InitialCapacity];
        }
    }

    public void Add(int id)
    {
        if (Count == _ids.Length)
        {
            Grow(1);
        }

        _ids[Count++] = id;
    }

    /// <summary>Adds the first <paramref name="count"/> of three ids.</summary>
    public void Add(int first, int second, int third, int count)
    {
        if (_ids.Length - Count < 3)
        {
            Grow(3);
        }

        Span<int> free = _ids.AsSpan(Count, 3);
        free[0] = first;
        free[1] = second;
        free[2] = third;
        Count += count;
    }

    public void Add(ReadOnlySpan<int> ids)
    {
        if (_ids.Length - Count < ids.Length)
        {
            Grow(ids.Length);
        }

        ids.CopyTo(_ids.AsSpan(Count));
        Count += ids.Length;
    }

    private void Grow(int more)
    {
        long wanted = Math.Min(Math.Max(2L * _ids.Length, (long)Count + more), Array.MaxLength);
        Array.Resize(ref _ids, wanted - Count >= more
            ? (int)wanted
            : throw new InvalidDataException($"The text has more than {Array.MaxLength} tokens, which is more than can be kept at once; split it."));
    }
}
