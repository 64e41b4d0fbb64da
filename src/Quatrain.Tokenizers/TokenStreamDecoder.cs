using System.Runtime.InteropServices;

namespace Quatrain.Tokenizers;

/// <summary>Turns token ids that arrive one at a time into text, never showing half a character.</summary>
/// <remarks>
/// The pieces joined together are the tokenizer's decoding of all ids. A tokenizer whose tokens are bytes must decode the
/// unfinished character at the end of its ids as one U+FFFD, as <see cref="System.Text.Encoding.UTF8"/> does.
/// </remarks>
public sealed class TokenStreamDecoder
{
    private const char Replacement = '\uFFFD';

    private readonly ITokenizer _tokenizer;
    // The ids since the last one after which the text was whole, and how much of their text has been given.
    private readonly List<int> _pending = [];
    private int _givenLength;

    /// <summary>A decoder at the start of a text.</summary>
    public TokenStreamDecoder(ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
    }

    /// <summary>Takes the next id and gives the text that is certain now and was not given before; it may be empty.</summary>
    /// <exception cref="InvalidDataException">The id lies outside the vocabulary.</exception>
    public string Append(int id)
    {
        _pending.Add(id);
        string text;
        try
        {
            text = _tokenizer.Decode(CollectionsMarshal.AsSpan(_pending));
        }
        catch (InvalidDataException)
        {
            _pending.RemoveAt(_pending.Count - 1);
            throw;
        }

        if (!text.EndsWith(Replacement))
        {
            string whole = text[_givenLength..];
            Clear();
            return whole;
        }

        // Only the last character is in doubt: bytes that can't be completed are replaced one by one before it.
        string certain = text[_givenLength..^1];
        _givenLength = text.Length - 1;
        return certain;
    }

    /// <summary>Gives what was held back, an unfinished character as U+FFFD, and starts a new text.</summary>
    public string Flush()
    {
        string rest = _tokenizer.Decode(CollectionsMarshal.AsSpan(_pending))[_givenLength..];
        Clear();
        return rest;
    }

    private void Clear()
    {
        _pending.Clear();
        _givenLength = 0;
    }
}
