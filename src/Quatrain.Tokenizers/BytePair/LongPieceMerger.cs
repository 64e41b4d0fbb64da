namespace Quatrain.Tokenizers.BytePair;

/// <summary>Merges a piece of many bytes: a heap finds the next pair, and a linked list closes the gaps, so that the time is n log n.</summary>
/// <remarks>
/// A heap entry is a rank above a position, so that the least is the earliest merge and the leftmost of equals. An entry whose pair has changed since
/// no longer has its position's rank, and is passed over.
/// </remarks>
internal sealed class LongPieceMerger
{
    /// <summary>The longest piece, in bytes: it takes some 32 times its length in memory.</summary>
    public const int MaxBytes = 32 << 20;

    private const int None = -1;

    private readonly MergeTable _merges;
    private readonly int[] _symbols, _ranks, _next, _previous;
    private ulong[] _heap;
    private int _heapCount;

    private LongPieceMerger(MergeTable merges, ReadOnlySpan<byte> piece, int[] idOfByte)
    {
        int count = piece.Length;
        _merges = merges;
        _symbols = GC.AllocateUninitializedArray<int>(count);
        _ranks = GC.AllocateUninitializedArray<int>(count);
        _next = GC.AllocateUninitializedArray<int>(count);
        _previous = GC.AllocateUninitializedArray<int>(count);
        _heap = GC.AllocateUninitializedArray<ulong>(count);
        for (int i = 0; i < count; i++)
        {
            _symbols[i] = idOfByte[piece[i]];
            _next[i] = i + 1 < count ? i + 1 : None;
            _previous[i] = i - 1;
        }
    }

    /// <summary>Adds the ids of <paramref name="piece"/> to <paramref name="ids"/>.</summary>
    /// <exception cref="InvalidDataException">The piece is longer than <see cref="MaxBytes"/>.</exception>
    public static void Merge(MergeTable merges, ReadOnlySpan<byte> piece, int[] idOfByte, IdBuffer ids)
    {
        if (piece.Length > MaxBytes)
        {
            throw new InvalidDataException(
                $"The text has a run of {piece.Length} bytes of letters, digits, signs or white space with nothing between; " +
                $"at most {MaxBytes >> 20} MiB can be encoded as one, so put a space or a line end into it.");
        }

        LongPieceMerger merger = new(merges, piece, idOfByte);
        merger.MergeAll();
        for (int at = 0; at != None; at = merger._next[at])
        {
            ids.Add(merger._symbols[at]);
        }
    }

    private void MergeAll()
    {
        for (int i = 0; i < _symbols.Length; i++)
        {
            int rank = _ranks[i] = RankAt(i, out _);
            if (rank != MergeTable.NoRank)
            {
                _heap[_heapCount++] = Entry(rank, i);
            }
        }

        for (int i = _heapCount / Children; i >= 0; i--)
        {
            SiftDown(i);
        }

        while (_heapCount > 0)
        {
            ulong entry = _heap[0];
            int at = (int)(uint)entry;
            if (_ranks[at] == (int)(entry >> 32))
            {
                MergeAt(at);
            }
            else
            {
                RemoveFirst();
            }
        }
    }

    // The entry on top is that of the merge; the pair that takes its place, if any, takes the entry's too.
    private void MergeAt(int at)
    {
        RankAt(at, out int id);
        int gone = _next[at];
        _symbols[at] = id;
        _ranks[gone] = MergeTable.NoRank;
        int after = _next[at] = _next[gone];
        if (after != None)
        {
            _previous[after] = at;
        }

        int rank = _ranks[at] = RankAt(at, out _);
        if (rank != MergeTable.NoRank)
        {
            _heap[0] = Entry(rank, at);
            SiftDown(0);
        }
        else
        {
            RemoveFirst();
        }

        int before = _previous[at];
        if (before != None)
        {
            rank = RankAt(before, out _);
            if (rank != _ranks[before])
            {
                _ranks[before] = rank;
                if (rank != MergeTable.NoRank)
                {
                    Push(Entry(rank, before));
                }
            }
        }
    }

    private int RankAt(int at, out int id)
    {
        int next = _next[at];
        if (next == None)
        {
            id = 0;
            return MergeTable.NoRank;
        }

        return _merges.Rank(_symbols[at], _symbols[next], out id);
    }

    private static ulong Entry(int rank, int at) => ((ulong)(uint)rank << 32) | (uint)at;

    // A heap of four children a node: half the depth of the usual one, and the children lie side by side.
    private const int Children = 4;

    private void Push(ulong entry)
    {
        if (_heapCount == _heap.Length)
        {
            Array.Resize(ref _heap, 2 * _heap.Length);
        }

        int at = _heapCount++;
        while (at > 0 && _heap[(at - 1) / Children] > entry)
        {
            _heap[at] = _heap[(at - 1) / Children];
            at = (at - 1) / Children;
        }

        _heap[at] = entry;
    }

    private void RemoveFirst()
    {
        _heap[0] = _heap[--_heapCount];
        SiftDown(0);
    }

    private void SiftDown(int at)
    {
        Span<ulong> heap = _heap.AsSpan(0, _heapCount);
        if (at >= heap.Length)
        {
            return;
        }

        ulong entry = heap[at];
        while (true)
        {
            int first = (Children * at) + 1;
            if (first >= heap.Length)
            {
                break;
            }

            int least = first;
            for (int child = first + 1; child < Math.Min(first + Children, heap.Length); child++)
            {
                least = heap[child] < heap[least] ? child : least;
            }

            if (heap[least] >= entry)
            {
                break;
            }

            heap[at] = heap[least];
            at = least;
        }

        heap[at] = entry;
    }
}
