namespace Quatrain.Models;

/// <summary>Guesses which known name a mistyped one stands for.</summary>
public static class Suggestion
{
    private const int LongestName = 100;

    /// <summary>The known name nearest to <paramref name="name"/>, or null where none is near; the first of equals wins.</summary>
    /// <param name="name">What was written.</param>
    /// <param name="known">What may be meant.</param>
    /// <param name="mostEdits">How many letters may differ, though never more than half of them; null for a third of them, or one.</param>
    public static string? Nearest(string name, IEnumerable<string> known, int? mostEdits = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(known);
        // The distance takes time in proportion to the product of both lengths, and no name of ours is long.
        if (name.Length > LongestName)
        {
            return null;
        }

        string? nearest = null;
        int least = int.MaxValue;
        foreach (string candidate in known)
        {
            int shorter = Math.Min(name.Length, candidate.Length);
            int most = mostEdits is { } edits ? Math.Min(edits, shorter / 2) : Math.Max(1, shorter / 3);
            // As many letters as one is longer than the other differ at least.
            if (Math.Abs(name.Length - candidate.Length) > most)
            {
                continue;
            }

            int distance = Distance(name.ToLowerInvariant(), candidate.ToLowerInvariant());
            if (distance < least && distance <= most)
            {
                (nearest, least) = (candidate, distance);
            }
        }

        return nearest;
    }

    /// <summary><c>"; did you mean 'X'?"</c> to end a sentence with, or a full stop where no known name is near.</summary>
    public static string DidYouMean(string name, IEnumerable<string> known) =>
        Nearest(name, known) is { } nearest ? $"; did you mean '{nearest}'?" : ".";

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string alignment).</summary>
    public static int Distance(string first, string second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        int[] beforePrevious = new int[second.Length + 1];
        int[] previous = new int[second.Length + 1];
        int[] current = new int[second.Length + 1];
        for (int j = 0; j <= second.Length; j++)
        {
            previous[j] = j;
        }

        for (int i = 1; i <= first.Length; i++)
        {
            current[0] = i;
            for (int j = 1; j <= second.Length; j++)
            {
                int replace = previous[j - 1] + (first[i - 1] == second[j - 1] ? 0 : 1);
                current[j] = Math.Min(replace, Math.Min(previous[j], current[j - 1]) + 1);
                if (i > 1 && j > 1 && first[i - 1] == second[j - 2] && first[i - 2] == second[j - 1])
                {
                    current[j] = Math.Min(current[j], beforePrevious[j - 2] + 1);
                }
            }

            (beforePrevious, previous, current) = (previous, current, beforePrevious);
        }

        return previous[second.Length];
    }
}
