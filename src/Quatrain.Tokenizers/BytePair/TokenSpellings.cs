using System.Runtime.InteropServices;
using System.Text;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>Tokens and their ids, spelled in UTF-8 one after another in one array: a large vocabulary is read at every start, and an object a token would take most of it.</summary>
internal sealed class TokenSpellings
{
    /// <summary>The id of what is not there.</summary>
    public const int Absent = -1;

    // Drawn anew for each vocabulary, so that no file can be made whose tokens all collide.
    private readonly ulong _multiplier = (ulong)Random.Shared.NextInt64() | 1;
    private readonly SpelledTexts _texts = new();
    private int[] _ids;
    // Places in the order of ids, once they are known to have no gaps.
    private int[] _placeOf = [];
    // One more than a place; 0 is free.
    private int[] _slots;

    /// <summary>An empty vocabulary with room for <paramref name="capacity"/> tokens, which it may exceed.</summary>
    public TokenSpellings(int capacity = 1 << 16)
    {
        _ids = new int[Math.Max(16, capacity)];
        _slots = new int[SlotCount(_ids.Length)];
    }

    public int Count => _texts.Count;

    /// <summary>Token <paramref name="id"/>; only after <see cref="PutInOrder"/>.</summary>
    public ReadOnlySpan<byte> this[int id] => _texts[_placeOf[id]];

    /// <summary>Token i at place i.</summary>
    /// <exception cref="InvalidDataException">Two are the same.</exception>
    public static TokenSpellings Of(IReadOnlyList<string> tokens)
    {
        TokenSpellings spellings = new(tokens.Count);
        byte[] buffer = [];
        for (int id = 0; id < tokens.Count; id++)
        {
            ReadOnlySpan<byte> token = SpelledTexts.Utf8(tokens[id], ref buffer);
            if (!spellings.TryAdd(token, id))
            {
                throw new InvalidDataException($"Tokens {spellings.Find(token)} and {id} are both {BytePairVocabulary.Quote(tokens[id])}.");
            }
        }

        spellings.PutInOrder();
        return spellings;
    }

    /// <summary>Token <paramref name="id"/> as a string.</summary>
    public string Text(int id) => Encoding.UTF8.GetString(this[id]);

    /// <summary>Adds a token; false if it is there already.</summary>
    public bool TryAdd(ReadOnlySpan<byte> token, int id)
    {
        int slot = SlotOf(token);
        if (_slots[slot] != 0)
        {
            return false;
        }

        int place = _texts.Count;
        if (place == _ids.Length)
        {
            Array.Resize(ref _ids, 2 * place);
        }

        _texts.Add(token);
        _ids[place] = id;
        _slots[slot] = place + 1;
        if (2 * _texts.Count > _slots.Length)
        {
            _slots = new int[SlotCount(_slots.Length)];
            for (int i = 0; i < _texts.Count; i++)
            {
                _slots[SlotOf(_texts[i])] = i + 1;
            }
        }

        return true;
    }

    /// <summary>The id of a token, or <see cref="Absent"/>.</summary>
    public int Find(ReadOnlySpan<byte> token)
    {
        int place = _slots[SlotOf(token)] - 1;
        return place < 0 ? Absent : _ids[place];
    }

    /// <summary>Makes tokens known by their ids.</summary>
    /// <exception cref="InvalidDataException">An id is out of range, or two tokens have it, so that others have none.</exception>
    public void PutInOrder()
    {
        int count = _texts.Count;
        int[] placeOf = new int[count];
        Array.Fill(placeOf, Absent);
        for (int place = 0; place < count; place++)
        {
            int id = _ids[place];
            if ((uint)id >= (uint)count)
            {
                throw new InvalidDataException($"Token {Quote(place)} has the id {id}, but there are {count} tokens; ids must be 0 to {count - 1} without gaps.");
            }

            if (placeOf[id] != Absent)
            {
                throw new InvalidDataException($"Tokens {Quote(placeOf[id])} and {Quote(place)} both have the id {id}.");
            }

            placeOf[id] = place;
        }

        // As many different ids as tokens, all in range: none is missing.
        _placeOf = placeOf;
    }

    private static int SlotCount(int capacity) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)capacity * 2);

    private string Quote(int place) => BytePairVocabulary.Quote(Encoding.UTF8.GetString(_texts[place]));

    /// <summary>Where the token is, or where it would be put.</summary>
    private int SlotOf(ReadOnlySpan<byte> token)
    {
        int mask = _slots.Length - 1;
        int slot = (int)(Hash(token) >> 32) & mask;
        while (_slots[slot] != 0 && !_texts[_slots[slot] - 1].SequenceEqual(token))
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private ulong Hash(ReadOnlySpan<byte> token)
    {
        ulong hash = (ulong)token.Length;
        while (token.Length >= sizeof(ulong))
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(token));
            token = token[sizeof(ulong)..];
        }

        ulong rest = 0;
        for (int i = 0; i < token.Length; i++)
        {
            rest |= (ulong)token[i] << (8 * i);
        }

        return Mix(hash ^ rest);
    }

    private ulong Mix(ulong value)
    {
        value *= _multiplier;
        return (value ^ (value >> 29)) * 0xD6E8FEB86659FD93;
    }
}
