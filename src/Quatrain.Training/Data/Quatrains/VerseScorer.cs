namespace Quatrain.Training.Data.Quatrains;

/// <summary>Scores generated text against the grammar of verses.</summary>
public sealed class VerseScorer(QuatrainGrammar grammar)
{
    /// <summary>
    /// Scores the complete verses of a text. Line ends before the first verse are skipped, so a prompt of one costs nothing; what
    /// follows the last blank line is an unfinished verse and does not count.
    /// </summary>
    public VerseScore Score(ReadOnlySpan<char> text)
    {
        int verses = 0;
        int parsed = 0;
        int rhymed = 0;
        ReadOnlySpan<char> rest = text.TrimStart('\n');
        for (int end = rest.IndexOf("\n\n"); end >= 0; end = rest.IndexOf("\n\n"))
        {
            ReadOnlySpan<char> verse = rest[..end];
            verses++;
            parsed += grammar.TryParse(verse, out _) ? 1 : 0;
            rhymed += grammar.Rhymes(verse) ? 1 : 0;
            rest = rest[(end + 2)..];
        }

        return new VerseScore(verses, parsed, rhymed);
    }
}
