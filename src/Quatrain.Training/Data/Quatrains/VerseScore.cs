namespace Quatrain.Training.Data.Quatrains;

/// <summary>How well generated verses keep the rules.</summary>
/// <param name="VerseCount">The complete verses: those ended by a blank line.</param>
/// <param name="ParsedCount">How many of them the grammar could have written.</param>
/// <param name="RhymedCount">How many of them rhyme ABAB, whatever else they do.</param>
public sealed record VerseScore(int VerseCount, int ParsedCount, int RhymedCount)
{
    /// <summary>The share of complete verses that parse, 0 to 1; null where there is none.</summary>
    public double? ParsedShare => Share(ParsedCount);

    /// <summary>The share of complete verses that rhyme, 0 to 1; null where there is none.</summary>
    public double? RhymedShare => Share(RhymedCount);

    private double? Share(int count) => VerseCount == 0 ? null : (double)count / VerseCount;
}
