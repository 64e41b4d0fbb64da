using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Quatrain.Tokenizers.Tests.Reference;

/// <summary>GPT-2's tokenizer straight from its definition: the pattern as a regular expression, and all of the best pair merged again and again.</summary>
internal sealed class ReferenceBytePair(IReadOnlyDictionary<string, int> vocabulary, IReadOnlyList<string> merges)
{
    private const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private static readonly Regex Pieces = new(Pattern, RegexOptions.CultureInvariant);
    private static readonly string[] CharacterOfByte = MakeAlphabet();

    private readonly Dictionary<(string, string), int> _ranks =
        merges.Select((merge, rank) => (Pair: merge.Split(' '), rank)).ToDictionary(merge => (merge.Pair[0], merge.Pair[1]), merge => merge.rank);

    /// <summary>The pieces of a whole text. .NET matches halves of pairs, so characters beyond the first plane are matched by one like them in it.</summary>
    public static IEnumerable<string> Split(string text)
    {
        StringBuilder likeness = new();
        List<int> starts = [];
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            starts.Add(at);
            at += rune.Utf16SequenceLength;
            likeness.Append(rune.IsBmp ? (char)rune.Value : Rune.GetUnicodeCategory(rune) switch
            {
                UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
                    or UnicodeCategory.OtherLetter => '\u4E00',
                UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => '\u00B2',
                _ => '\u2603',
            });
        }

        starts.Add(at);
        foreach (Match match in Pieces.Matches(likeness.ToString()))
        {
            yield return text[starts[match.Index]..starts[match.Index + match.Length]];
        }
    }

    public List<int> Encode(string text) =>
        [.. Split(text).SelectMany(piece => Merge(Encoding.UTF8.GetBytes(piece))).Select(token => vocabulary[token])];

    private List<string> Merge(byte[] piece)
    {
        List<string> word = [.. piece.Select(value => CharacterOfByte[value])];
        while (true)
        {
            (string Left, string Right) best = default;
            int bestRank = int.MaxValue;
            for (int i = 0; i + 1 < word.Count; i++)
            {
                if (_ranks.TryGetValue((word[i], word[i + 1]), out int rank) && rank < bestRank)
                {
                    (best, bestRank) = ((word[i], word[i + 1]), rank);
                }
            }

            if (bestRank == int.MaxValue)
            {
                return word;
            }

            List<string> merged = [];
            for (int i = 0; i < word.Count; i++)
            {
                bool isPair = i + 1 < word.Count && word[i] == best.Left && word[i + 1] == best.Right;
                merged.Add(isPair ? best.Left + best.Right : word[i]);
                i += isPair ? 1 : 0;
            }

            word = merged;
        }
    }

    private static string[] MakeAlphabet()
    {
        // As OpenAI's code goes about it: first the bytes that are shown as they are, then the others in their order.
        List<int> bytes = [.. Enumerable.Range('!', '~' - '!' + 1), .. Enumerable.Range('¡', '¬' - '¡' + 1), .. Enumerable.Range('®', 'ÿ' - '®' + 1)];
        List<int> characters = [.. bytes];
        int more = 0;
        for (int value = 0; value < 256; value++)
        {
            if (!bytes.Contains(value))
            {
                bytes.Add(value);
                characters.Add(256 + more++);
            }
        }

        string[] alphabet = new string[256];
        for (int i = 0; i < 256; i++)
        {
            alphabet[bytes[i]] = ((char)characters[i]).ToString();
        }

        return alphabet;
    }
}
