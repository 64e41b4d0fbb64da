using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>Turns pieces into ids: the pair of least rank merges, the leftmost of equals, until none does. For one thread at a time.</summary>
/// <remarks>It remembers short pieces, which most text repeats, in a table of fixed size; what falls on a taken place replaces what was there.</remarks>
internal sealed class PieceEncoder
{
    // A place takes 32 bytes, so the table takes 1 MiB and a piece is found in half a cache line.
    private const int CacheBits = 15;
    private const int LongestCachedPiece = 15;
    private const int MostCachedIds = 3;

    // Up to here looking through all pairs for the least is faster than a heap.
    private const int LongestShortPiece = 96;

    private readonly MergeTable _merges;
    private readonly int[] _idOfByte;
    private readonly CachedPiece[] _cache;
    private readonly int[] _symbols = new int[LongestShortPiece], _ranks = new int[LongestShortPiece], _merged = new int[LongestShortPiece];

    /// <param name="merges">The merges.</param>
    /// <param name="idOfByte">The token of each byte.</param>
    /// <param name="remembers">Whether to remember pieces; the ids are the same.</param>
    public PieceEncoder(MergeTable merges, int[] idOfByte, bool remembers = true)
    {
        _merges = merges;
        _idOfByte = idOfByte;
        _cache = remembers ? new CachedPiece[1 << CacheBits] : [];
    }

    /// <summary>The ids of a text without special tokens, put after those that are in it.</summary>
    public IdBuffer Ids { get; } = new();

    /// <summary>Adds the ids of <paramref name="text"/>, UTF-8 or any bytes.</summary>
    public void Encode(ReadOnlySpan<byte> text)
    {
        int end;
        for (int start = 0; start < text.Length; start = end)
        {
            end = PieceScanner.End(text, start);
            int length = end - start;
            if (length == 1)
            {
                Ids.Add(_idOfByte[text[start]]);
            }
            else if (length <= LongestCachedPiece && _cache.Length > 0)
            {
                EncodeCached(text, start, length);
            }
            else
            {
                Merge(text.Slice(start, length));
            }
        }
    }

    /// <summary>Adds the ids of one piece, without looking for it among those remembered.</summary>
    public void Merge(ReadOnlySpan<byte> piece)
    {
        if (piece.Length <= LongestShortPiece)
        {
            MergeShort(piece);
        }
        else
        {
            LongPieceMerger.Merge(_merges, piece, _idOfByte, Ids);
        }
    }

    private void EncodeCached(ReadOnlySpan<byte> text, int start, int length)
    {
        (ulong low, ulong high) = Key(text, start, length);
        ulong hash = (low ^ (high * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
        ref CachedPiece place = ref _cache[(int)(hash >> (64 - CacheBits))];
        if (place.Low != low || place.High != high)
        {
            int before = Ids.Count;
            MergeShort(text.Slice(start, length));
            ReadOnlySpan<int> ids = Ids.Ids[before..];
            if (ids.Length <= MostCachedIds)
            {
                place = new CachedPiece(low, high, ids[0], ids.Length > 1 ? ids[1] : 0, ids.Length > 2 ? ids[2] : 0, ids.Length);
            }

            return;
        }

        Ids.Add(place.First, place.Second, place.Third, place.Count);
    }

    // The piece's bytes, then zeros, and its length at the very end: no two pieces have one key, and none has that of an empty place.
    private static (ulong Low, ulong High) Key(ReadOnlySpan<byte> text, int start, int length)
    {
        ulong low, high;
        if (start <= text.Length - 16)
        {
            ref byte first = ref Unsafe.Add(ref MemoryMarshal.GetReference(text), start);
            low = Unsafe.ReadUnaligned<ulong>(ref first);
            high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, 8));
        }
        else
        {
            Span<byte> bytes = stackalloc byte[16];
            bytes.Clear();
            text.Slice(start, length).CopyTo(bytes);
            low = MemoryMarshal.Read<ulong>(bytes);
            high = MemoryMarshal.Read<ulong>(bytes[8..]);
        }

        if (!BitConverter.IsLittleEndian)
        {
            low = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(low);
            high = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(high);
        }

        if (length < 8)
        {
            low &= (1UL << (8 * length)) - 1;
            high = 0;
        }
        else
        {
            high &= (1UL << (8 * (length - 8))) - 1;
        }

        return (low, high | ((ulong)length << 56));
    }

    private void MergeShort(ReadOnlySpan<byte> piece)
    {
        Span<int> symbols = _symbols.AsSpan(0, piece.Length), ranks = _ranks.AsSpan(0, piece.Length), merged = _merged.AsSpan(0, piece.Length);
        int count = piece.Length;
        symbols[0] = _idOfByte[piece[0]];
        for (int i = 1; i < count; i++)
        {
            symbols[i] = _idOfByte[piece[i]];
            ranks[i - 1] = _merges.Rank(symbols[i - 1], symbols[i], out merged[i - 1]);
        }

        while (count > 1)
        {
            int at = 0;
            int least = ranks[0];
            for (int i = 1; i < count - 1; i++)
            {
                if (ranks[i] < least)
                {
                    least = ranks[i];
                    at = i;
                }
            }

            if (least == MergeTable.NoRank)
            {
                break;
            }

            symbols[at] = merged[at];
            symbols[(at + 2)..count].CopyTo(symbols[(at + 1)..]);
            ranks[(at + 1)..(count - 1)].CopyTo(ranks[at..]);
            merged[(at + 1)..(count - 1)].CopyTo(merged[at..]);
            count--;
            if (at > 0)
            {
                ranks[at - 1] = _merges.Rank(symbols[at - 1], symbols[at], out merged[at - 1]);
            }

            if (at < count - 1)
            {
                ranks[at] = _merges.Rank(symbols[at], symbols[at + 1], out merged[at]);
            }
        }

        Ids.Add(symbols[..count]);
    }

    private readonly record struct CachedPiece(ulong Low, ulong High, int First, int Second, int Third, int Count);
}
