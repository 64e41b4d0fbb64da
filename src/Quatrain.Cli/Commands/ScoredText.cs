using Quatrain.Tokenizers;
using Quatrain.Training.Data;

namespace Quatrain.Cli.Commands;

/// <summary>Token ids to score, and what is known about the text they stand for.</summary>
/// <param name="Ids">The ids; all but the first are scored, in their order.</param>
/// <param name="RecordStarts">Where records start, for text of records.</param>
/// <param name="Floor">The text's own entropy, where it is known.</param>
/// <param name="Tokenizer">The tokenizer, where there is one.</param>
internal sealed record ScoredText(int[] Ids, int[]? RecordStarts, double? Floor, ITokenizer? Tokenizer)
{
    // Of text decoded at a time.
    private const int ChunkTokens = 1 << 16;

    public static ScoredText Plain(int[] ids, ITokenizer? tokenizer) => new(ids, null, null, tokenizer);

    /// <summary>The validation part of what a run was trained on.</summary>
    public static ScoredText Of(TrainingData data) =>
        new(data.Tokens.Validation.ToArray(), data.Tokens.ValidationRecordStarts, data.Floor, data.Tokenizer);

    /// <summary>The validation verses, for a model of any tokenizer.</summary>
    public static ScoredText OfVerses(TrainingData verses, ITokenizer tokenizer)
    {
        string text = verses.ValidationText;
        return new ScoredText(tokenizer.Encode(text), Training.Data.RecordStarts.AfterBlankLines(text), verses.Floor, tokenizer);
    }

    /// <summary>
    /// The bytes and words of the first <paramref name="scored"/> tokens that are scored; unknown without a tokenizer. Bytes are those the tokens stand for,
    /// which may cut a character in two; a word begins at each byte that is no white space and follows white space or the beginning.
    /// </summary>
    public (long Bytes, long Words)? SizeOf(long scored)
    {
        if (Tokenizer is null)
        {
            return null;
        }

        long bytes = 0, words = 0;
        bool inWord = false;
        for (int start = 1; start <= scored; start += ChunkTokens)
        {
            byte[] part = Bytes(Ids.AsSpan(start, (int)Math.Min(ChunkTokens, scored + 1 - start)));
            bytes += part.Length;
            foreach (byte b in part)
            {
                bool isSpace = b is (byte)' ' or >= 9 and <= 13;
                words += !isSpace && !inWord ? 1 : 0;
                inWord = !isSpace;
            }
        }

        return (bytes, words);
    }

    private byte[] Bytes(ReadOnlySpan<int> ids) => Tokenizer!.DecodeBytes(ids);
}
