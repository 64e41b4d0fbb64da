namespace Quatrain.Tokenizers;

/// <summary>Turns text into token ids and back.</summary>
/// <remarks>Implementations are immutable and safe to use from many threads.</remarks>
public interface ITokenizer
{
    /// <summary>The number of different token ids; every id lies in [0, VocabularySize).</summary>
    int VocabularySize { get; }

    /// <summary>The id of the token that ends a document, or null where there is none. Text never becomes it unless the caller puts it there.</summary>
    int? EndOfTextId => null;

    /// <summary>The ids of <paramref name="text"/>.</summary>
    /// <exception cref="InvalidDataException">The text holds something this tokenizer has no token for; the message names it and where.</exception>
    int[] Encode(ReadOnlySpan<char> text);

    /// <summary>The text of <paramref name="ids"/>.</summary>
    /// <exception cref="InvalidDataException">An id lies outside [0, VocabularySize).</exception>
    string Decode(ReadOnlySpan<int> ids);
}
