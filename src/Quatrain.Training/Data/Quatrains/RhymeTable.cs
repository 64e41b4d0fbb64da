namespace Quatrain.Training.Data.Quatrains;

/// <summary>The rhymes of the built-in grammar.</summary>
internal static class RhymeTable
{
    /// <summary>All classes; no word of one rhymes with a word of another. They serve lines 1 and 3, and lines 2 and 4, by turns.</summary>
    /// <remarks>
    /// Words alternate between those that open a rhyme and those that answer, in the order of their first phrases. The words of a class end with
    /// the same letters, so that a model of characters can see a rhyme, as a person hears it, and need not learn it word by word.
    /// Phrases tell where or when, which fits every line, and have 9 to 12 characters, so that lines are much of a length and a verse has 128
    /// characters at most.
    /// </remarks>
    public static IReadOnlyList<RhymeClass> Classes { get; } =
    [
        new("day", "all the day", "on the way", "by the way", "by the bay", "near the bay", "in the hay", "near the hay", "late in May", "early in May", "so far away"),
        new("light", "in the night", "every night", "in the light", "by the light", "out of sight", "on the right", "to the right"),
        new("rain", "on the plain", "near a plain", "by the train", "near a train", "by the grain", "in the rain", "after rain"),
        new("hill", "on the hill", "by the hill", "by the mill", "at the mill", "by the rill", "near a rill", "in the chill"),
        new("shore", "by the shore", "on the shore", "at the store", "near a store", "once more", "as before"),
        new("snow", "down below", "far below", "in the glow", "by the glow", "in the snow", "on the snow", "by the crow", "near a crow"),
        new("wall", "by the wall", "on the wall", "in the fall", "late in fall", "in the hall", "by the hall", "by the stall", "at the stall"),
        new("gate", "by the gate", "at the gate", "rather late", "very late", "on the slate", "by the crate", "near a crate"),
        new("land", "in the land", "on the land", "on the sand", "by the sand", "by the stand", "at the stand", "near a band", "by the band"),
        new("glen", "in the glen", "by the glen", "by the fen", "past the fen", "now and then", "until ten", "before ten", "near the den", "near a wren"),
        new("moon", "by the moon", "until noon", "before noon", "very soon", "all too soon", "near a loon", "by the loon"),
        new("rock", "on the rock", "by the rock", "on the dock", "at the dock", "by the clock", "near a clock", "near a flock", "by the flock"),
    ];
}
