using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Quatrain.Tokenizers.BytePair;

namespace Quatrain.Tokenizers;

/// <summary>GPT-2's byte-level byte-pair encoding.</summary>
/// <remarks>
/// Text is UTF-8, cut into pieces by GPT-2's pattern, which no token crosses; in each piece the pair of neighbours that is first in the list of merges
/// becomes one token, the leftmost of equals, until there is none. Any bytes can be encoded, and decode to the same bytes. The time is that of n log n
/// at worst, for any text. White space, letters and numbers are those of the Unicode version that .NET has.
/// </remarks>
public sealed partial class BytePairTokenizer : ITokenizer
{
    // What text is cut to: enough to make up for beginning anew, and small enough that all workers have some.
    private const int ChunkLength = 1 << 20;

    private readonly BytePairVocabulary _vocabulary;
    private readonly SpecialTokenSearch? _allSpecial;
    // Encoders that are not in use, with the pieces they remember.
    private readonly PieceEncoder?[] _idle = new PieceEncoder?[Math.Max(4, Environment.ProcessorCount)];

    internal BytePairTokenizer(BytePairVocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _allSpecial = SpecialTokenSearch.For(vocabulary.SpecialTokens, SpecialTokenPolicy.AllowAll);
    }

    /// <inheritdoc/>
    public int VocabularySize => _vocabulary.Count;

    /// <summary>The special tokens in the order of their ids.</summary>
    public IReadOnlyList<SpecialToken> SpecialTokens => _vocabulary.SpecialTokens;

    /// <inheritdoc/>
    public int? EndOfTextId => _vocabulary.EndOfTextId;

    /// <summary>A tokenizer of a vocabulary as Hugging Face's and GGUF's files hold it.</summary>
    /// <param name="tokens">
    /// Token i in GPT-2's alphabet, in which each byte is one visible character (<c>Ġ</c> is a space); special tokens as they are written. Each byte must
    /// have a token, and no two tokens may be the same.
    /// </param>
    /// <param name="merges">The merges, the first to be made first, as <c>"left right"</c>: two tokens, in that alphabet, with a space between.</param>
    /// <param name="specialIds">The ids of special tokens; null for <c>&lt;|endoftext|&gt;</c>, where there is such a token.</param>
    /// <param name="endOfTextId">The special token that ends a text; null for <c>&lt;|endoftext|&gt;</c>, where there is such a special token.</param>
    /// <exception cref="InvalidDataException">
    /// A token is empty, there twice, or outside the alphabet, a byte has none, a merge is none or there twice or names an unknown token, or an id is
    /// outside the vocabulary; the message says which.
    /// </exception>
    public static BytePairTokenizer FromByteLevelTokens(
        IReadOnlyList<string> tokens, IReadOnlyList<string> merges, IReadOnlyCollection<int>? specialIds = null, int? endOfTextId = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(merges);
        return new BytePairTokenizer(BytePairVocabulary.Create(TokenSpellings.Of(tokens), SpelledTexts.Of(merges), specialIds, endOfTextId));
    }

    /// <inheritdoc/>
    public int[] Encode(ReadOnlySpan<char> text) => Encode(text, SpecialTokenPolicy.PlainText);

    /// <summary>The ids of <paramref name="text"/>, its special tokens dealt with as <paramref name="special"/> says.</summary>
    /// <exception cref="InvalidDataException">The text holds half of a surrogate pair, or a special token that is refused.</exception>
    public int[] Encode(ReadOnlySpan<char> text, SpecialTokenPolicy special)
    {
        SpecialTokenSearch? search = SearchFor(special);
        PieceEncoder encoder = Rent();
        try
        {
            for (int start = 0; start < text.Length;)
            {
                int end = NextCut(text, start, search);
                EncodeCharacters(encoder, text[start..end], start, search);
                start = end;
            }

            return encoder.Ids.Ids.ToArray();
        }
        finally
        {
            Return(encoder);
        }
    }

    /// <summary>The ids of a text in UTF-8, or of any bytes: what is no part of a character is encoded as the bytes it is.</summary>
    /// <param name="utf8">The text.</param>
    /// <param name="special">What becomes of special tokens; null for plain text.</param>
    /// <exception cref="InvalidDataException">The text holds a special token that is refused.</exception>
    public int[] EncodeUtf8(ReadOnlySpan<byte> utf8, SpecialTokenPolicy? special = null) => EncodeBytes(utf8, SearchFor(special ?? SpecialTokenPolicy.PlainText));

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids) => Decode(ids, skipSpecialTokens: false);

    /// <summary>The text of <paramref name="ids"/>, with or without special tokens; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <exception cref="InvalidDataException">An id lies outside [0, VocabularySize).</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens) => Encoding.UTF8.GetString(DecodeBytes(ids, skipSpecialTokens));

    /// <inheritdoc/>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids) => DecodeBytes(ids, skipSpecialTokens: false);

    /// <summary>The bytes of <paramref name="ids"/>, with or without special tokens.</summary>
    /// <exception cref="InvalidDataException">An id lies outside [0, VocabularySize).</exception>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        HashSet<int> skipped = skipSpecialTokens ? [.. SpecialTokens.Select(token => token.Id)] : [];
        long length = 0;
        foreach (int id in ids)
        {
            length += skipped.Count > 0 && skipped.Contains(id) ? 0 : ByteCount(id);
        }

        if (length > Array.MaxLength)
        {
            throw new InvalidDataException($"The tokens decode to {length} bytes, more than can be kept at once; decode them in parts.");
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)length);
        Span<byte> rest = bytes;
        foreach (int id in ids)
        {
            if (skipped.Count == 0 || !skipped.Contains(id))
            {
                ReadOnlySpan<byte> token = _vocabulary.Bytes(id);
                token.CopyTo(rest);
                rest = rest[token.Length..];
            }
        }

        return bytes;
    }

    /// <inheritdoc/>
    public int ByteCount(int id) => (uint)id < (uint)VocabularySize
        ? _vocabulary.Bytes(id).Length
        : throw new InvalidDataException($"Token id {id} is outside the tokenizer's vocabulary of {VocabularySize} tokens (ids 0 to {VocabularySize - 1}).");

    /// <summary>An encoder of this tokenizer's, for measurements.</summary>
    internal PieceEncoder NewEncoder(bool remembers) => new(_vocabulary.Merges, _vocabulary.IdOfByte, remembers);

    private static void Encode(PieceEncoder encoder, ReadOnlySpan<byte> text, SpecialTokenSearch? search)
    {
        while (search is not null && search.TryFind(text, out int start, out int length, out int id))
        {
            encoder.Encode(text[..start]);
            encoder.Ids.Add(id);
            text = text[(start + length)..];
        }

        encoder.Encode(text);
    }

    private int[] EncodeBytes(ReadOnlySpan<byte> utf8, SpecialTokenSearch? search)
    {
        PieceEncoder encoder = Rent();
        try
        {
            Encode(encoder, utf8, search);
            return encoder.Ids.Ids.ToArray();
        }
        finally
        {
            Return(encoder);
        }
    }

    private int[] EncodeCharacters(ReadOnlySpan<char> text, int position, SpecialTokenSearch? search)
    {
        PieceEncoder encoder = Rent();
        try
        {
            EncodeCharacters(encoder, text, position, search);
            return encoder.Ids.Ids.ToArray();
        }
        finally
        {
            Return(encoder);
        }
    }

    private static void EncodeCharacters(PieceEncoder encoder, ReadOnlySpan<char> text, int position, SpecialTokenSearch? search)
    {
        long length = 3L * text.Length;
        if (length > Array.MaxLength)
        {
            throw new InvalidDataException($"The text has a run of {text.Length} characters without a space or line end after a word; put some into it.");
        }

        byte[] utf8 = ArrayPool<byte>.Shared.Rent((int)length);
        try
        {
            if (Utf8.FromUtf16(text, utf8, out int read, out int written, replaceInvalidSequences: false) != OperationStatus.Done)
            {
                throw new InvalidDataException(
                    $"The text has half of a surrogate pair (U+{(int)text[read]:X4}) at position {position + read}; it is damaged, so make it again as valid UTF-8.");
            }

            Encode(encoder, utf8.AsSpan(0, written), search);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(utf8);
        }
    }

    private SpecialTokenSearch? SearchFor(SpecialTokenPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return policy.AllowsAll ? _allSpecial : SpecialTokenSearch.For(SpecialTokens, policy);
    }

    private PieceEncoder Rent()
    {
        for (int i = 0; i < _idle.Length; i++)
        {
            if (Interlocked.Exchange(ref _idle[i], null) is { } encoder)
            {
                return encoder;
            }
        }

        return NewEncoder(remembers: true);
    }

    private void Return(PieceEncoder encoder)
    {
        encoder.Ids.Clear();
        for (int i = 0; i < _idle.Length; i++)
        {
            if (Interlocked.CompareExchange(ref _idle[i], encoder, null) is null)
            {
                return;
            }
        }
    }
}
