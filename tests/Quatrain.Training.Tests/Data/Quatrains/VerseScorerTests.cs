using Quatrain.Training.Data.Quatrains;

namespace Quatrain.Training.Tests.Data.Quatrains;

public sealed class VerseScorerTests
{
    private const string Good =
        "The cook works by the wall,\nand packs bread at the gate.\nHe tends ponies in the fall,\nand fog rolls rather late.\n\n";

    private const string RhymedOnly = "A blue wall,\nsome gate\nzzz fall,\nlate.\n\n";

    private const string Neither =
        "The cook works by the wall,\nand packs bread at the gate.\nHe tends ponies in the hay,\nand fog rolls rather late.\n\n";

    private readonly VerseScorer _scorer = new(QuatrainGrammar.Default);

    [Fact]
    public void Score_counts_what_parses_and_what_rhymes_apart()
    {
        VerseScore score = _scorer.Score(Good + RhymedOnly + Neither + Good);

        score.ShouldBe(new VerseScore(4, 2, 3));
        score.ParsedShare.ShouldBe(0.5);
        score.RhymedShare.ShouldBe(0.75);
    }

    [Fact]
    public void Score_of_written_text_is_full() =>
        _scorer.Score(QuatrainGrammar.Default.WriteText(29, 500)).ShouldBe(new VerseScore(500, 500, 500));

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("\n\n\n")]
    [InlineData("A verse that has\nnot come to its end,\n")]
    public void Score_of_no_complete_verse_has_no_shares(string text)
    {
        VerseScore score = _scorer.Score(text);

        score.ShouldBe(new VerseScore(0, 0, 0));
        score.ParsedShare.ShouldBeNull();
        score.RhymedShare.ShouldBeNull();
    }

    [Fact]
    public void Score_skips_a_prompt_of_line_ends_and_an_unfinished_last_verse() =>
        _scorer.Score("\n" + Good + Good[..^2]).ShouldBe(new VerseScore(1, 1, 1));

    [Fact]
    public void Score_counts_a_line_end_too_many_against_the_next_verse() =>
        _scorer.Score(Good + "\n" + Good).ShouldBe(new VerseScore(2, 1, 1));

    [Theory]
    [InlineData("wall\ngate\nfall\nlate", true)]
    [InlineData("wall,\ngate.\nfall,\nlate.", true)]
    [InlineData("wall\nwall\nfall\nfall", false)] // one class
    [InlineData("wall\ngate\nwall\nlate", false)] // the same word
    [InlineData("wall\nfall\ngate\nlate", false)] // AABB
    [InlineData("wall\ngate\nlate\nfall", false)] // ABBA
    [InlineData("zwall\ngate\nfall\nlate", false)] // a word without a class
    [InlineData("wall\ngate\nfall", false)]
    [InlineData("wall\ngate\nfall\nlate\nday", false)]
    [InlineData("\n\n\n", false)]
    public void Rhymes_judges_the_last_words_alone(string verse, bool expected) => QuatrainGrammar.Default.Rhymes(verse).ShouldBe(expected);
}
