using Quatrain.Training.Data.Quatrains;

namespace Quatrain.Training.Tests.Data.Quatrains;

public sealed class RhymeTableTests
{
    [Fact]
    public void Every_rhyming_word_belongs_to_one_class() => RhymeTable.Classes.SelectMany(rhymes => rhymes.Words).ShouldBeUnique();

    [Fact]
    public void Every_phrase_is_told_apart_by_its_text() => AllPhrases().ShouldBeUnique();

    [Fact]
    public void Phrases_are_much_of_a_length() => AllPhrases().ShouldAllBe(phrase => phrase.Length >= 9 && phrase.Length <= 12);

    [Fact]
    public void Every_class_has_words_to_open_and_words_to_answer() => RhymeTable.Classes.ShouldAllBe(rhymes => rhymes.Words.Count >= 4);

    [Fact]
    public void PhrasesOf_gives_the_phrases_that_end_with_the_word()
    {
        RhymeClass rhymes = new("x", "by the row", "down below", "with a bow", "in a row");

        rhymes.Words.ShouldBe(["row", "below", "bow"]);
        rhymes.PhrasesOf("row").ShouldBe(["by the row", "in a row"]);
        rhymes.PhrasesOf("crow").ShouldBeEmpty();
    }

    [Fact]
    public void Words_of_a_class_end_with_the_same_letters() =>
        RhymeTable.Classes.ShouldAllBe(rhymes => rhymes.Words.All(word => word.EndsWith(rhymes.Words[0].Substring(rhymes.Words[0].Length - 2), StringComparison.Ordinal)));

    private static IEnumerable<string> AllPhrases() => RhymeTable.Classes.SelectMany(rhymes => rhymes.Words.SelectMany(rhymes.PhrasesOf));
}
