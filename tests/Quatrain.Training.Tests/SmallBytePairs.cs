using Quatrain.Tokenizers;

namespace Quatrain.Training.Tests;

/// <summary>A byte-pair tokenizer of a token a byte, a few words, and an end of text.</summary>
internal static class SmallBytePairs
{
    public const string EndOfText = "<|endoftext|>";

    private static readonly string[] Merges = ["t h", "th e", "Ġ the", "Ġ s", "o r", "i n", "e n", "Ġs p", "q u", "a t"];

    public static BytePairTokenizer Tokenizer { get; } = Make();

    public static int EndOfTextId => 256 + Merges.Length;

    private static BytePairTokenizer Make()
    {
        // GPT-2's alphabet: bytes that show stand for themselves, the others are counted on from 256.
        int next = 256;
        IEnumerable<string> bytes = Enumerable.Range(0, 256).Select(b => $"{(b is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174 ? (char)b : (char)next++)}");
        return BytePairTokenizer.FromByteLevelTokens(
            [.. bytes, .. Merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)), EndOfText], Merges);
    }
}
