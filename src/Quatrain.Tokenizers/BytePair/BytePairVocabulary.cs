using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Quatrain.Tokenizers.BytePair;

/// <summary>What a byte-pair tokenizer knows, checked: tokens, merges and special tokens.</summary>
internal sealed class BytePairVocabulary
{
    public const string EndOfText = "<|endoftext|>";

    // Far above any vocabulary there is; ids stay small enough to pack and arrays small enough to make.
    private const int MostTokens = 1 << 24;
    private const int MostSpecialTokens = 1024;
    private const int Absent = -1;

    private static readonly Comparer<SpecialToken> ById = Comparer<SpecialToken>.Create((a, b) => a.Id.CompareTo(b.Id));

    private readonly byte[] _bytes;
    private readonly int[] _starts;

    private BytePairVocabulary(int count, long byteCount)
    {
        _bytes = new byte[byteCount];
        _starts = new int[count + 1];
    }

    public int Count => _starts.Length - 1;

    /// <summary>The token of each byte.</summary>
    public int[] IdOfByte { get; } = new int[256];

    public required MergeTable Merges { get; init; }

    /// <summary>The merges in the order of their ranks.</summary>
    public required (int Left, int Right)[] MergeList { get; init; }

    /// <summary>In the order of their ids.</summary>
    public required SpecialToken[] SpecialTokens { get; init; }

    public int? EndOfTextId { get; private init; }

    /// <summary>The bytes of a token, a special token's as it is written; <paramref name="id"/> is in range.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => _bytes.AsSpan(_starts[id], _starts[id + 1] - _starts[id]);

    /// <summary>A token in the byte-level alphabet, or a special token as it is written.</summary>
    public string Spelling(int id)
    {
        int special = Array.BinarySearch(SpecialTokens, new SpecialToken(id, ""), ById);
        return special >= 0 ? SpecialTokens[special].Text : ByteLevelAlphabet.Spell(Bytes(id));
    }

    /// <summary>Makes a vocabulary of tokens in the byte-level alphabet; see <see cref="BytePairTokenizer.FromByteLevelTokens"/>.</summary>
    /// <exception cref="InvalidDataException">They are no vocabulary; the message says why.</exception>
    public static BytePairVocabulary Create(TokenSpellings tokens, SpelledTexts merges, IReadOnlyCollection<int>? specialIds, int? endOfTextId)
    {
        if (tokens.Count is 0 or > MostTokens)
        {
            throw new InvalidDataException($"The vocabulary has {tokens.Count} tokens; it must have at least 256, one a byte, and at most {MostTokens}.");
        }

        int end = tokens.Find("<|endoftext|>"u8);
        SpecialToken[] special = MakeSpecialTokens(tokens, specialIds ?? (end >= 0 ? [end] : []));
        bool[] isSpecial = new bool[tokens.Count];
        foreach (SpecialToken token in special)
        {
            isSpecial[token.Id] = true;
        }

        (MergeTable table, (int, int)[] list) = MakeMerges(merges, tokens, isSpecial);
        BytePairVocabulary vocabulary = new(tokens.Count, ByteCount(tokens))
        {
            Merges = table,
            MergeList = list,
            SpecialTokens = special,
            EndOfTextId = CheckEndOfText(special, endOfTextId),
        };
        vocabulary.FillBytes(tokens, isSpecial);
        vocabulary.FillIdOfByte(isSpecial);
        return vocabulary;
    }

    /// <summary>A token as messages show it: on one line, and not longer than one.</summary>
    public static string Quote(string token)
    {
        string shown = token.Length <= 40 ? token : token[..40] + "...";
        return $"\"{string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c))}\"";
    }

    private static SpecialToken[] MakeSpecialTokens(TokenSpellings tokens, IReadOnlyCollection<int> ids)
    {
        if (ids.Count > MostSpecialTokens)
        {
            throw new InvalidDataException($"There are {ids.Count} special tokens; at most {MostSpecialTokens} are supported.");
        }

        int[] ordered = [.. ids];
        Array.Sort(ordered);
        SpecialToken[] special = new SpecialToken[ordered.Length];
        int count = 0;
        for (int i = 0; i < ordered.Length; i++)
        {
            int id = ordered[i];
            if (i > 0 && id == ordered[i - 1])
            {
                continue;
            }

            if ((uint)id >= (uint)tokens.Count)
            {
                throw new InvalidDataException($"The special token {id} is outside the vocabulary of {tokens.Count} tokens.");
            }

            ReadOnlySpan<byte> text = tokens[id];
            if (text.IsEmpty || !Utf8.IsValid(text))
            {
                throw new InvalidDataException($"The special token {id} is {(text.IsEmpty ? "empty" : "not valid Unicode")}.");
            }

            special[count++] = new SpecialToken(id, Encoding.UTF8.GetString(text));
        }

        return special[..count];
    }

    private static int? CheckEndOfText(SpecialToken[] special, int? id)
    {
        foreach (SpecialToken token in special)
        {
            if (id is { } wanted ? token.Id == wanted : token.Text == EndOfText)
            {
                return token.Id;
            }
        }

        return id is null ? null : throw new InvalidDataException($"The token {id}, said to end a text, is not a special token.");
    }

    private static (MergeTable Table, (int Left, int Right)[] List) MakeMerges(SpelledTexts merges, TokenSpellings tokens, bool[] isSpecial)
    {
        MergeTable table = new(merges.Count);
        (int, int)[] list = new (int, int)[merges.Count];
        byte[] joined = [];
        for (int rank = 0; rank < list.Length; rank++)
        {
            ReadOnlySpan<byte> merge = merges[rank];
            int space = merge.IndexOf((byte)' ');
            if (space <= 0 || space == merge.Length - 1 || merge[(space + 1)..].Contains((byte)' '))
            {
                throw new InvalidDataException($"Merge {rank + 1}, {Quote(merge)}, is not two tokens with one space between.");
            }

            if (joined.Length < merge.Length)
            {
                joined = new byte[2 * merge.Length];
            }

            ReadOnlySpan<byte> left = merge[..space], right = merge[(space + 1)..];
            left.CopyTo(joined);
            right.CopyTo(joined.AsSpan(space));
            int leftId = FindPart(tokens, isSpecial, left, merge, rank), rightId = FindPart(tokens, isSpecial, right, merge, rank);
            int id = FindPart(tokens, isSpecial, joined.AsSpan(0, merge.Length - 1), merge, rank);
            if (!table.TryAdd(leftId, rightId, rank, id))
            {
                throw new InvalidDataException($"Merge {rank + 1}, {Quote(merge)}, is there twice.");
            }

            list[rank] = (leftId, rightId);
        }

        return (table, list);
    }

    private static int FindPart(TokenSpellings tokens, bool[] isSpecial, ReadOnlySpan<byte> token, ReadOnlySpan<byte> merge, int rank)
    {
        int id = tokens.Find(token);
        return id >= 0 && !isSpecial[id]
            ? id
            : throw new InvalidDataException($"Merge {rank + 1}, {Quote(merge)}, needs the token {Quote(token)}, which the vocabulary has not.");
    }

    // What tokens have at most: characters of the alphabet take a byte or two in UTF-8, and stand for one.
    private static long ByteCount(TokenSpellings tokens)
    {
        long count = 0;
        for (int id = 0; id < tokens.Count; id++)
        {
            count += tokens[id].Length;
        }

        return count <= Array.MaxLength ? count : throw new InvalidDataException($"The vocabulary's tokens have {count} bytes, too many to be one.");
    }

    private static string Quote(ReadOnlySpan<byte> token) => Quote(Encoding.UTF8.GetString(token));

    private void FillBytes(TokenSpellings tokens, bool[] isSpecial)
    {
        int at = 0;
        for (int id = 0; id < tokens.Count; id++)
        {
            _starts[id] = at;
            ReadOnlySpan<byte> token = tokens[id];
            if (isSpecial[id])
            {
                token.CopyTo(_bytes.AsSpan(at));
                at += token.Length;
                continue;
            }

            if (token.IsEmpty)
            {
                throw new InvalidDataException($"Token {id} is empty.");
            }

            while (!token.IsEmpty)
            {
                _bytes[at++] = ByteLevelAlphabet.TryByte(token, out byte value, out int length) ? value : throw OutsideAlphabet(id, tokens[id], token);
                token = token[length..];
            }
        }

        _starts[^1] = at;
    }

    private static InvalidDataException OutsideAlphabet(int id, ReadOnlySpan<byte> token, ReadOnlySpan<byte> rest)
    {
        // Halves of surrogate pairs are written like other characters of three bytes.
        bool isCharacter = Rune.DecodeFromUtf8(rest, out Rune rune, out _) == OperationStatus.Done;
        int value = isCharacter || rest.Length < 3 ? rune.Value : ((rest[0] & 0xF) << 12) | ((rest[1] & 0x3F) << 6) | (rest[2] & 0x3F);
        return new InvalidDataException(
            $"Token {id}, {Quote(token)}, has the character U+{value:X4}, which stands for no byte in GPT-2's alphabet; " +
            "the vocabulary is not of a byte-level BPE tokenizer, or the token should be a special one.");
    }

    private void FillIdOfByte(bool[] isSpecial)
    {
        Array.Fill(IdOfByte, Absent);
        for (int id = 0; id < Count; id++)
        {
            if (Bytes(id) is [byte value] && !isSpecial[id])
            {
                IdOfByte[value] = id;
            }
        }

        int missing = Array.IndexOf(IdOfByte, Absent);
        if (missing >= 0)
        {
            throw new InvalidDataException($"The vocabulary has no token for the byte 0x{missing:X2}; a byte-level tokenizer has one for each of the 256.");
        }
    }
}
