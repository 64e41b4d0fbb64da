using Quatrain.Models.Classification;
using Quatrain.Tokenizers;

namespace Quatrain.Inference.Classification;

/// <summary>A text as a classifier reads it.</summary>
/// <param name="Ids">Its tokens, at least one; with <see cref="Pooling.LastPosition"/> padded to the classifier's length.</param>
/// <param name="IsTruncated">Whether the text has more tokens than the classifier reads.</param>
public readonly record struct EncodedText(int[] Ids, bool IsTruncated);

/// <summary>Turns texts into what a classifier reads, the same way in training and in use.</summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="pooling">What the classifier looks at.</param>
/// <param name="maxLength">The most tokens of a text that are read; the beginning is kept.</param>
/// <param name="padId">What pads a text, and stands for an empty one.</param>
public sealed class TextEncoder(ITokenizer tokenizer, Pooling pooling, int maxLength, int padId)
{
    /// <summary>The tokens of <paramref name="text"/>.</summary>
    /// <exception cref="InvalidDataException">The text holds something that the tokenizer has no token for.</exception>
    public EncodedText Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int[] ids = tokenizer.Encode(text);
        bool isTruncated = ids.Length > maxLength;
        int wanted = pooling == Pooling.LastPosition ? maxLength : Math.Clamp(ids.Length, 1, maxLength);
        if (ids.Length != wanted)
        {
            int length = Math.Min(ids.Length, wanted);
            Array.Resize(ref ids, wanted);
            ids.AsSpan(length).Fill(padId);
        }

        return new EncodedText(ids, isTruncated);
    }

    /// <summary>The tokens of one of many texts.</summary>
    /// <param name="text">The text.</param>
    /// <param name="where">What the message calls it, at the beginning of a sentence, where it can't be encoded.</param>
    /// <exception cref="InvalidDataException">The text holds something that the tokenizer has no token for.</exception>
    public EncodedText Encode(string text, Func<string> where)
    {
        ArgumentNullException.ThrowIfNull(where);
        try
        {
            return Encode(text);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{where()} can't be encoded: {e.Message}", e);
        }
    }
}
