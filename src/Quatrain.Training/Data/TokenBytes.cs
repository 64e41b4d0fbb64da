using Quatrain.Tokenizers;

namespace Quatrain.Training.Data;

/// <summary>How many bytes of text tokens stand for, for losses in bits per byte, which models of different tokenizers can be compared by.</summary>
/// <remarks>Counted token by token, because a token may hold a part of a character: what a stretch of tokens decodes to may have more or fewer bytes than they stand for.</remarks>
public static class TokenBytes
{
    /// <summary>The UTF-8 bytes of the text that <paramref name="ids"/> were made from; a mark such as <c>&lt;|endoftext|&gt;</c> counts as it is written.</summary>
    /// <exception cref="InvalidDataException">An id lies outside the vocabulary.</exception>
    public static long Count(ITokenizer tokenizer, ReadOnlySpan<int> ids)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        long bytes = 0;
        Dictionary<int, int> known = [];
        foreach (int id in ids)
        {
            if (!known.TryGetValue(id, out int count))
            {
                count = tokenizer.ByteCount(id);
                known.Add(id, count);
            }

            bytes += count;
        }

        return bytes;
    }

    /// <summary>The same of the targets that <paramref name="windows"/> score.</summary>
    /// <inheritdoc cref="Count(ITokenizer, ReadOnlySpan{int})" path="/exception"/>
    public static long Count(ITokenizer tokenizer, EvaluationWindows windows)
    {
        ArgumentNullException.ThrowIfNull(windows);
        return windows.Windows.Sum(window => Count(tokenizer, windows.ScoredTargets(window)));
    }
}
