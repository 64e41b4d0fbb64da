using System.Text;

namespace Quatrain.Tokenizers;

/// <summary>Turns text into token ids and back.</summary>
/// <remarks>Implementations are immutable and safe to use from many threads.</remarks>
public interface ITokenizer
{
    /// <summary>The number of different token ids; every id lies in [0, VocabularySize).</summary>
    int VocabularySize { get; }

    /// <summary>The id of the token that ends a document, or null where there is none. Text never becomes it unless the caller puts it there.</summary>
    int? EndOfTextId => null;

    /// <summary>The ids of <paramref name="text"/>. Nothing in it is taken for a special token.</summary>
    /// <exception cref="InvalidDataException">The text holds something this tokenizer has no token for; the message names it and where.</exception>
    int[] Encode(ReadOnlySpan<char> text);

    /// <summary>The text of <paramref name="ids"/>; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <exception cref="InvalidDataException">An id lies outside [0, VocabularySize).</exception>
    string Decode(ReadOnlySpan<int> ids);

    /// <summary>The bytes of <paramref name="ids"/>: the text as UTF-8, or what a tokenizer whose tokens are bytes was given.</summary>
    /// <exception cref="InvalidDataException">An id lies outside [0, VocabularySize).</exception>
    byte[] DecodeBytes(ReadOnlySpan<int> ids) => Encoding.UTF8.GetBytes(Decode(ids));

    /// <summary>The number of bytes that <paramref name="id"/> stands for; a token may hold a part of a character.</summary>
    /// <exception cref="InvalidDataException">The id lies outside [0, VocabularySize).</exception>
    int ByteCount(int id) => DecodeBytes([id]).Length;

    /// <summary>The <c>tokenizer.json</c> that <see cref="TokenizerFile.Load"/> reads this tokenizer from, as UTF-8.</summary>
    byte[] ToJson();
}
