using Quatrain.Tokenizers.BytePair;

namespace Quatrain.Tokenizers;

/// <content>Large texts, encoded by several threads.</content>
public sealed partial class BytePairTokenizer
{
    /// <summary>The ids of a large text, found by several threads; the same as <see cref="Encode(ReadOnlySpan{char}, SpecialTokenPolicy)"/> finds.</summary>
    /// <param name="text">The text.</param>
    /// <param name="threads">The most threads to use; 0 for one a processor.</param>
    /// <param name="special">What becomes of special tokens; null for plain text.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InvalidDataException">The text holds half of a surrogate pair, or a special token that is refused.</exception>
    public int[] EncodeParallel(ReadOnlyMemory<char> text, int threads = 0, SpecialTokenPolicy? special = null, CancellationToken cancellation = default)
    {
        SpecialTokenSearch? search = SearchFor(special ?? SpecialTokenPolicy.PlainText);
        List<Range> parts = [];
        for (int start = 0; start < text.Length;)
        {
            int end = NextCut(text.Span, start, search);
            parts.Add(start..end);
            start = end;
        }

        return EncodeParts(parts, part => EncodeCharacters(text.Span[part], part.Start.Value, search), threads, cancellation);
    }

    /// <summary>The ids of a large text in UTF-8, or of many bytes, found by several threads; the same as <see cref="EncodeUtf8"/> finds.</summary>
    /// <param name="utf8">The text.</param>
    /// <param name="threads">The most threads to use; 0 for one a processor.</param>
    /// <param name="special">What becomes of special tokens; null for plain text.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="InvalidDataException">The text holds a special token that is refused.</exception>
    public int[] EncodeUtf8Parallel(ReadOnlyMemory<byte> utf8, int threads = 0, SpecialTokenPolicy? special = null, CancellationToken cancellation = default)
    {
        SpecialTokenSearch? search = SearchFor(special ?? SpecialTokenPolicy.PlainText);
        List<Range> parts = [];
        for (int start = 0; start < utf8.Length;)
        {
            int end = search is { MayHoldCuts: true } || utf8.Length - start <= ChunkLength
                ? utf8.Length
                : start + PieceScanner.FirstCut(utf8.Span[start..], ChunkLength);
            parts.Add(start..end);
            start = end;
        }

        return EncodeParts(parts, part => EncodeBytes(utf8.Span[part], search), threads, cancellation);
    }

    /// <summary>
    /// Where <paramref name="utf8"/>, the beginning of a longer text, can be cut for its first part to have the ids that it has in the whole;
    /// 0 where there is no such place, so that more of the text is needed.
    /// </summary>
    /// <param name="utf8">The beginning of a text.</param>
    /// <param name="special">How the parts will be encoded; null for plain text.</param>
    public int LastCut(ReadOnlySpan<byte> utf8, SpecialTokenPolicy? special = null) =>
        SearchFor(special ?? SpecialTokenPolicy.PlainText) is { MayHoldCuts: true } ? 0 : PieceScanner.LastCut(utf8, utf8.Length);

    // As PieceScanner.FirstCut, in UTF-16: all white space is one unit.
    private static int NextCut(ReadOnlySpan<char> text, int start, SpecialTokenSearch? search)
    {
        if (search is { MayHoldCuts: true })
        {
            return text.Length;
        }

        for (int at = start + ChunkLength; at < text.Length; at++)
        {
            int found = text[at..].IndexOfAny(' ', '\n');
            if (found < 0)
            {
                break;
            }

            at += found;
            if (!char.IsWhiteSpace(text[at - 1]))
            {
                return at;
            }
        }

        return text.Length;
    }

    private static int[] EncodeParts(List<Range> parts, Func<Range, int[]> encode, int threads, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        int[][] ids = new int[parts.Count][];
        ParallelOptions options = new() { MaxDegreeOfParallelism = threads == 0 ? Environment.ProcessorCount : threads, CancellationToken = cancellation };
        try
        {
            Parallel.For(0, parts.Count, options, i => ids[i] = encode(parts[i]));
        }
        catch (AggregateException errors) when (errors.InnerExceptions.OfType<InvalidDataException>().FirstOrDefault() is { } error)
        {
            throw new InvalidDataException(error.Message, errors);
        }

        long count = ids.Sum(part => (long)part.Length);
        if (count > Array.MaxLength)
        {
            throw new InvalidDataException($"The text has {count} tokens, more than the {Array.MaxLength} that can be kept at once; split it.");
        }

        int[] all = GC.AllocateUninitializedArray<int>((int)count);
        Span<int> rest = all;
        foreach (int[] part in ids)
        {
            part.CopyTo(rest);
            rest = rest[part.Length..];
        }

        return all;
    }
}
