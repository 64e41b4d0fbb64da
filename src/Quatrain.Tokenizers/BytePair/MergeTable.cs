using System.Numerics;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>Which two tokens merge, how early, and into which.</summary>
internal sealed class MergeTable
{
    /// <summary>The rank of what does not merge.</summary>
    public const int NoRank = int.MaxValue;

    private const ulong NoPair = ulong.MaxValue;

    private readonly Entry[] _entries;
    private readonly ulong _multiplier;
    private readonly int _shift;

    /// <summary>A table with room for <paramref name="capacity"/> merges.</summary>
    public MergeTable(int capacity)
    {
        int bits = Math.Max(4, 64 - BitOperations.LeadingZeroCount((ulong)capacity * 2));
        _entries = new Entry[1 << bits];
        // A loop, which is compiled ahead of time; Array.Fill of such a type is not.
        for (int i = 0; i < _entries.Length; i++)
        {
            _entries[i] = new Entry(NoPair, NoRank, 0);
        }

        _shift = 64 - bits;
        // Drawn anew for each table, so that no file can be made whose pairs all collide.
        _multiplier = (ulong)Random.Shared.NextInt64() | 1;
    }

    /// <summary>Adds a merge; false if the pair is there already.</summary>
    public bool TryAdd(int left, int right, int rank, int id)
    {
        ulong pair = Pair(left, right);
        int at = (int)(pair * _multiplier >> _shift);
        while (_entries[at].Pair != NoPair)
        {
            if (_entries[at].Pair == pair)
            {
                return false;
            }

            at = (at + 1) & (_entries.Length - 1);
        }

        _entries[at] = new Entry(pair, rank, id);
        return true;
    }

    /// <summary>The rank at which a pair merges, and the token it becomes; <see cref="NoRank"/> if it does not.</summary>
    public int Rank(int left, int right, out int id)
    {
        ulong pair = Pair(left, right);
        Entry[] entries = _entries;
        int at = (int)(pair * _multiplier >> _shift);
        while (true)
        {
            ref readonly Entry entry = ref entries[at & (entries.Length - 1)];
            if (entry.Pair == pair || entry.Pair == NoPair)
            {
                id = entry.Id;
                return entry.Rank;
            }

            at++;
        }
    }

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private readonly record struct Entry(ulong Pair, int Rank, int Id);
}
