using System.Numerics;

namespace Quatrain.Training.FineTuning.Baselines;

/// <summary>The n-grams of 2 to 5 characters of a text's words, a space before and after each, as numbers of buckets.</summary>
/// <remarks>
/// As scikit-learn's <c>char_wb</c> analyzer cuts them, but a word shorter than n has no n-gram of that length. Text is taken in lower case. N-grams go into
/// 2^20 buckets by a hash, so memory has a bound whatever the text; two that share a bucket count as one.
/// </remarks>
internal static class CharacterNgrams
{
    public const int BucketBits = 20;
    public const int BucketCount = 1 << BucketBits;

    private const int Shortest = 2;
    private const int Longest = 5;

    /// <summary>The buckets of a text's n-grams, each as often as it comes, appended to <paramref name="buckets"/>.</summary>
    public static void AddTo(List<int> buckets, ReadOnlySpan<char> text)
    {
        Span<char> word = stackalloc char[128];
        word[0] = ' ';
        int length = 1;
        foreach (char c in text)
        {
            bool isSpace = char.IsWhiteSpace(c);
            if (!isSpace)
            {
                word[length++] = char.ToLowerInvariant(c);
            }

            // A word longer than any is cut rather than kept whole.
            if ((isSpace && length > 1) || length == word.Length - 1)
            {
                AddWord(buckets, word, ref length);
            }
        }

        if (length > 1)
        {
            AddWord(buckets, word, ref length);
        }
    }

    private static void AddWord(List<int> buckets, Span<char> word, ref int length)
    {
        word[length++] = ' ';
        for (int start = 0; start < length; start++)
        {
            ulong hash = 0;
            int most = Math.Min(Longest, length - start);
            for (int n = 1; n <= most; n++)
            {
                hash = BitOperations.RotateLeft((hash ^ word[start + n - 1]) * 0x9E3779B97F4A7C15, 29);
                if (n >= Shortest)
                {
                    buckets.Add((int)((hash ^ (ulong)n) * 0xD1342543DE82EF95 >> (64 - BucketBits)));
                }
            }
        }

        length = 1;
    }
}
