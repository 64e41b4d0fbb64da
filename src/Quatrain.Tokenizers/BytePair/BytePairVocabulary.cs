using System.Buffers;
using System.Text;

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
    public static BytePairVocabulary Create(IReadOnlyList<string> tokens, IReadOnlyList<string> merges, IReadOnlyCollection<int>? specialIds, int? endOfTextId)
    {
        if (tokens.Count is 0 or > MostTokens)
        {
            throw new InvalidDataException($"The vocabulary has {tokens.Count} tokens; it must have at least 256, one a byte, and at most {MostTokens}.");
        }

        Dictionary<string, int> idOf = new(tokens.Count, StringComparer.Ordinal);
        for (int id = 0; id < tokens.Count; id++)
        {
            if (!idOf.TryAdd(tokens[id], id))
            {
                throw new InvalidDataException($"Tokens {idOf[tokens[id]]} and {id} are both {Quote(tokens[id])}.");
            }
        }

        specialIds ??= idOf.TryGetValue(EndOfText, out int end) ? [end] : [];
        SpecialToken[] special = MakeSpecialTokens(tokens, specialIds);
        foreach (SpecialToken token in special)
        {
            idOf.Remove(token.Text);
        }

        (MergeTable table, (int, int)[] list) = MakeMerges(merges, idOf);
        BytePairVocabulary vocabulary = new(tokens.Count, ByteCount(tokens, special))
        {
            Merges = table,
            MergeList = list,
            SpecialTokens = special,
            EndOfTextId = CheckEndOfText(special, endOfTextId),
        };
        vocabulary.FillBytes(tokens, special);
        vocabulary.FillIdOfByte();
        return vocabulary;
    }

    /// <summary>A token as messages show it: on one line, and not longer than one.</summary>
    public static string Quote(string token)
    {
        string shown = token.Length <= 40 ? token : token[..40] + "...";
        return $"\"{string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c))}\"";
    }

    private static SpecialToken[] MakeSpecialTokens(IReadOnlyList<string> tokens, IReadOnlyCollection<int> ids)
    {
        if (ids.Count > MostSpecialTokens)
        {
            throw new InvalidDataException($"There are {ids.Count} special tokens; at most {MostSpecialTokens} are supported.");
        }

        List<SpecialToken> special = [];
        foreach (int id in ids.Distinct().Order())
        {
            if ((uint)id >= (uint)tokens.Count)
            {
                throw new InvalidDataException($"The special token {id} is outside the vocabulary of {tokens.Count} tokens.");
            }

            string text = tokens[id];
            if (text.Length == 0 || !IsWhole(text))
            {
                throw new InvalidDataException($"The special token {id} is {(text.Length == 0 ? "empty" : "not valid Unicode")}.");
            }

            special.Add(new SpecialToken(id, text));
        }

        return [.. special];
    }

    private static bool IsWhole(string text)
    {
        for (int at = 0; at < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(at), out _, out int length) != OperationStatus.Done)
            {
                return false;
            }

            at += length;
        }

        return true;
    }

    private static int? CheckEndOfText(SpecialToken[] special, int? id)
    {
        if (id is null)
        {
            return special.Where(token => token.Text == EndOfText).Select(token => (int?)token.Id).FirstOrDefault();
        }

        return special.Any(token => token.Id == id)
            ? id
            : throw new InvalidDataException($"The token {id}, said to end a text, is not a special token.");
    }

    private static (MergeTable Table, (int Left, int Right)[] List) MakeMerges(IReadOnlyList<string> merges, Dictionary<string, int> idOf)
    {
        MergeTable table = new(merges.Count);
        (int, int)[] list = new (int, int)[merges.Count];
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> lookup = idOf.GetAlternateLookup<ReadOnlySpan<char>>();
        char[] joined = [];
        for (int rank = 0; rank < list.Length; rank++)
        {
            ReadOnlySpan<char> merge = merges[rank];
            int space = merge.IndexOf(' ');
            if (space <= 0 || space == merge.Length - 1 || merge[(space + 1)..].Contains(' '))
            {
                throw new InvalidDataException($"Merge {rank + 1}, {Quote(merges[rank])}, is not two tokens with one space between.");
            }

            ReadOnlySpan<char> left = merge[..space], right = merge[(space + 1)..];
            if (joined.Length < merge.Length)
            {
                joined = new char[2 * merge.Length];
            }

            left.CopyTo(joined);
            right.CopyTo(joined.AsSpan(space));
            Span<char> whole = joined.AsSpan(0, merge.Length - 1);
            int leftId = Find(left), rightId = Find(right), id = Find(whole);
            if (!table.TryAdd(leftId, rightId, rank, id))
            {
                throw new InvalidDataException($"Merge {rank + 1}, {Quote(merges[rank])}, is there twice.");
            }

            list[rank] = (leftId, rightId);

            int Find(ReadOnlySpan<char> token) => lookup.TryGetValue(token, out int found)
                ? found
                : throw new InvalidDataException($"Merge {rank + 1}, {Quote(merges[rank])}, needs the token {Quote(token.ToString())}, which the vocabulary has not.");
        }

        return (table, list);
    }

    private static long ByteCount(IReadOnlyList<string> tokens, SpecialToken[] special)
    {
        // A byte a character, except that special tokens are UTF-8.
        long count = special.Sum(token => (long)Encoding.UTF8.GetByteCount(token.Text) - token.Text.Length);
        for (int id = 0; id < tokens.Count; id++)
        {
            count += tokens[id].Length;
        }

        return count <= Array.MaxLength ? count : throw new InvalidDataException($"The vocabulary's tokens have {count} bytes, too many to be one.");
    }

    private void FillBytes(IReadOnlyList<string> tokens, SpecialToken[] special)
    {
        int nextSpecial = 0;
        int at = 0;
        for (int id = 0; id < tokens.Count; id++)
        {
            _starts[id] = at;
            if (nextSpecial < special.Length && special[nextSpecial].Id == id)
            {
                at += Encoding.UTF8.GetBytes(tokens[id], _bytes.AsSpan(at));
                nextSpecial++;
                continue;
            }

            string token = tokens[id];
            if (token.Length == 0)
            {
                throw new InvalidDataException($"Token {id} is empty.");
            }

            foreach (char character in token)
            {
                _bytes[at++] = ByteLevelAlphabet.TryByte(character, out byte value) ? value : throw new InvalidDataException(
                    $"Token {id}, {Quote(token)}, has the character U+{(int)character:X4}, which stands for no byte in GPT-2's alphabet; " +
                    "the vocabulary is not of a byte-level BPE tokenizer, or the token should be a special one.");
            }
        }

        _starts[^1] = at;
    }

    private void FillIdOfByte()
    {
        Array.Fill(IdOfByte, Absent);
        HashSet<int> special = [.. SpecialTokens.Select(token => token.Id)];
        for (int id = 0; id < Count; id++)
        {
            if (Bytes(id) is [byte value] && !special.Contains(id))
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
