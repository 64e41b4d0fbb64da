using Quatrain.Tokenizers;

namespace Quatrain.Training.Data;

/// <summary>Encodes text in which the end of a document may be written out, as in <c>One story.&lt;|endoftext|&gt;Another.</c></summary>
/// <param name="tokenizer">Encodes the text, on all processors where it can.</param>
/// <param name="endOfText">Whether the mark becomes the tokenizer's one token for it; without, all text is text.</param>
internal sealed class DocumentEncoder(ITokenizer tokenizer, bool endOfText)
{
    /// <summary>How the end of a document is written, or null where it is not looked for or the tokenizer has no token for it.</summary>
    public string? Marker { get; } = endOfText && tokenizer.EndOfTextId is { } id ? tokenizer.Decode([id]) : null;

    /// <summary>The ids of <paramref name="text"/>, with the one token for each mark.</summary>
    /// <exception cref="InvalidDataException">The tokenizer has no token for something in the text.</exception>
    public int[] Encode(ReadOnlyMemory<char> text)
    {
        if (tokenizer is BytePairTokenizer bytePair)
        {
            return bytePair.EncodeParallel(text, special: Marker is null ? SpecialTokenPolicy.PlainText : SpecialTokenPolicy.Allow([Marker]));
        }

        return tokenizer.Encode(text.Span);
    }

    /// <summary><paramref name="position"/>, or the end of the mark that it would cut in two.</summary>
    public int OutsideMarker(ReadOnlySpan<char> text, int position)
    {
        if (Marker is null)
        {
            return position;
        }

        int first = Math.Max(0, position - Marker.Length + 1), last = Math.Min(text.Length, position + Marker.Length - 1);
        int found = text[first..last].IndexOf(Marker, StringComparison.Ordinal);
        return found < 0 ? position : first + found + Marker.Length;
    }
}
