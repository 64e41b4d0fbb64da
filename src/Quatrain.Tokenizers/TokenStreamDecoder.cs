using System.Text;

namespace Quatrain.Tokenizers;

/// <summary>Turns token ids that arrive one at a time into text, never showing half a character.</summary>
/// <remarks>
/// The pieces joined together are the tokenizer's decoding of all ids. What is held back is the unfinished character at the end, at most three
/// bytes; a byte that no character can have is shown as U+FFFD at once. Each id takes time and memory for its own bytes only.
/// </remarks>
public sealed class TokenStreamDecoder
{
    private readonly ITokenizer _tokenizer;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>A decoder at the start of a text.</summary>
    public TokenStreamDecoder(ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
    }

    /// <summary>Takes the next id and gives the text that is certain now and was not given before; it may be empty.</summary>
    /// <exception cref="InvalidDataException">The id lies outside the vocabulary.</exception>
    public string Append(int id) => Decode(_tokenizer.DecodeBytes([id]), flush: false);

    /// <summary>Gives what was held back, an unfinished character as U+FFFD, and starts a new text.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        int length = _decoder.GetCharCount(bytes, flush);
        // Once more without text, because it is the conversion that remembers the bytes.
        char[] text = new char[length];
        return new string(text, 0, _decoder.GetChars(bytes, text, flush));
    }
}
