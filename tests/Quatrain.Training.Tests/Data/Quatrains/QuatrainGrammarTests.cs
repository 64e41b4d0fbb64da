using Quatrain.Tensors;
using Quatrain.Training.Data.Quatrains;

namespace Quatrain.Training.Tests.Data.Quatrains;

public sealed class QuatrainGrammarTests
{
    private const string Verse =
        "The cook works by the wall,\nand packs bread at the gate.\nHe tends ponies in the fall,\nand fog rolls rather late.";

    private static readonly QuatrainGrammar Grammar = QuatrainGrammar.Default;

    [Fact]
    public void WriteText_gives_the_same_text_for_the_same_seed_everywhere() => Grammar.WriteText(7, 2).ShouldBe(
        """
        I see my widow once more,
        and owls call by the clock.
        She buys big bags near a store,
        then finds milk near a flock.

        Our mother sings early in May.
        Warm fires glow out of sight.
        She herds goats by the way,
        then picks roses in the light.


        """.ReplaceLineEndings("\n"));

    [Fact]
    public void WriteText_differs_from_seed_to_seed() => Grammar.WriteText(1, 1).ShouldNotBe(Grammar.WriteText(2, 1));

    [Fact]
    public void WriteText_is_what_WriteVerse_writes_verse_by_verse()
    {
        RandomSource random = new(3);
        Grammar.WriteText(3, 3).ShouldBe(Grammar.WriteVerse(random) + Grammar.WriteVerse(random) + Grammar.WriteVerse(random));
    }

    [Fact]
    public void Every_written_verse_is_well_shaped_and_has_one_derivation()
    {
        RandomSource random = new(11);
        for (int i = 0; i < 5_000; i++)
        {
            string verse = Grammar.WriteVerse(random);

            verse.Length.ShouldBeLessThanOrEqualTo(Grammar.MaxCharactersPerVerse);
            verse.Count(character => character == '\n').ShouldBe(5);
            verse.EndsWith("\n\n", StringComparison.Ordinal).ShouldBeTrue();
            verse.Split('\n')[..4].ShouldAllBe(line => line.Length >= 20 && line.Length <= 31);
            Grammar.ParseVerse(verse).DerivationCount.ShouldBe(1, verse);
            Grammar.Rhymes(verse).ShouldBeTrue(verse);
        }
    }

    [Fact]
    public void No_verse_can_exceed_128_characters() => Grammar.MaxCharactersPerVerse.ShouldBe(128);

    [Fact]
    public void Alphabet_is_small_plain_and_all_that_is_written()
    {
        Grammar.Alphabet.ShouldBe("\n ,.ACHIMOSTWabcdefghiklmnoprstuvwy");
        string.Concat(Grammar.WriteText(1, 5_000).Distinct().Order()).ShouldBe(Grammar.Alphabet);
    }

    [Fact]
    public void Floor_is_what_it_is()
    {
        Grammar.EntropyPerVerse.ShouldBe(35.1692, 0.0001);
        Grammar.MeanCharactersPerVerse.ShouldBe(116.9328, 0.0001);
        Grammar.EntropyPerCharacter.ShouldBe(Grammar.EntropyPerVerse / Grammar.MeanCharactersPerVerse);
    }

    [Fact]
    public void Mean_over_many_verses_agrees_with_the_exact_entropy_and_length()
    {
        const int Verses = 20_000;
        RandomSource random = new(13);
        double[] losses = new double[Verses];
        double[] lengths = new double[Verses];
        for (int i = 0; i < Verses; i++)
        {
            string verse = Grammar.WriteVerse(random);
            losses[i] = Grammar.NegativeLogProbability(verse);
            lengths[i] = verse.Length;
        }

        losses.Average().ShouldBe(Grammar.EntropyPerVerse, 4 * StandardError(losses));
        lengths.Average().ShouldBe(Grammar.MeanCharactersPerVerse, 4 * StandardError(lengths));
    }

    [Fact]
    public void No_word_is_rarer_than_one_verse_in_a_thousand()
    {
        const int Verses = 20_000;
        Dictionary<string, int> counts = [];
        foreach (string verse in Grammar.WriteText(17, Verses).Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            foreach (string word in verse.Split([' ', '\n', ',', '.'], StringSplitOptions.RemoveEmptyEntries).Distinct())
            {
                counts[word] = counts.GetValueOrDefault(word) + 1;
            }
        }

        counts.Count.ShouldBeGreaterThan(350);
        counts.Where(entry => entry.Value < Verses / 1_000).ShouldBeEmpty();
    }

    [Fact]
    public void NegativeLogProbability_of_a_text_is_the_sum_over_its_verses()
    {
        string[] verses = [.. Grammar.WriteText(19, 50).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)];
        double sum = 0;
        foreach (string verse in verses)
        {
            Grammar.TryParse(verse, out VerseReading? reading).ShouldBeTrue();
            sum += reading!.NegativeLogProbability;
        }

        Grammar.NegativeLogProbability(Grammar.WriteText(19, 50)).ShouldBe(sum);
        Grammar.NegativeLogProbability("").ShouldBe(0);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("\n\n")]
    public void TryParse_reads_a_verse_with_or_without_its_last_line_ends(string ending)
    {
        Grammar.TryParse(Verse + ending, out VerseReading? reading).ShouldBeTrue();

        reading!.EndWords.ShouldBe(["wall", "gate", "fall", "late"]);
        reading.NegativeLogProbability.ShouldBe(Grammar.NegativeLogProbability(Verse + "\n\n"));
    }

    [Theory]
    [InlineData("cook", "cokk")] // spelling
    [InlineData("cook works", "cook work")] // agreement within a line
    [InlineData("He tends", "He tend")]
    [InlineData("and packs", "and pack")]
    [InlineData("fog rolls", "fog roll")]
    [InlineData("He tends", "She tends")] // pronoun
    [InlineData("He tends", "They tend")]
    [InlineData("in the fall", "in the hay")] // rhyme
    [InlineData("rather late", "now and then")]
    [InlineData("in the fall", "by the wall")] // the same word again
    [InlineData("in the fall", "in the hall")] // a word that opens a rhyme
    [InlineData("in the fall,", "in the fall.")] // punctuation
    [InlineData("tends ponies", "tends bread")] // what goes with what
    [InlineData("and fog rolls rather late.", "and packs figs rather late.")] // the story: weather is due
    [InlineData("The cook", "the cook")]
    [InlineData("\nHe", "\n\nHe")]
    [InlineData("\nHe", " He")]
    [InlineData("\nHe", "\r\nHe")]
    public void TryParse_refuses_what_breaks_a_rule(string right, string wrong)
    {
        Verse.ShouldContain(right);
        Grammar.TryParse(Verse.Replace(right, wrong, StringComparison.Ordinal), out VerseReading? reading).ShouldBeFalse();
        reading.ShouldBeNull();
    }

    [Fact]
    public void TryParse_refuses_the_same_rhyme_twice()
    {
        const string OneRhyme =
            "The cook works on the slate,\nand packs bread at the gate.\nHe tends ponies with a mate,\nand fog rolls rather late.";

        Grammar.TryParse(OneRhyme, out _).ShouldBeFalse();
        Grammar.Rhymes(OneRhyme).ShouldBeFalse();
        Grammar.TryParse(OneRhyme.Replace("on the slate", "by the wall", StringComparison.Ordinal).Replace("with a mate", "in the fall",
            StringComparison.Ordinal), out _).ShouldBeTrue();
    }

    [Fact]
    public void TryParse_refuses_hostile_texts()
    {
        string[] texts =
        [
            "", "\n", "\n\n", "\n\n\n\n\n", Verse + "\n\n\n", Verse + "\n\n" + Verse, Verse[..^1], new string('\n', 1_000_000),
            new string('T', 1_000_000), string.Concat(Enumerable.Repeat(Verse, 10_000)), "\0\uD800\uFFFF",
        ];
        foreach (string text in texts)
        {
            Grammar.TryParse(text, out _).ShouldBeFalse();
        }
    }

    [Fact]
    public void NegativeLogProbability_names_the_first_verse_that_does_not_parse()
    {
        string text = Verse + "\n\n" + Verse.Replace("cook", "cokk", StringComparison.Ordinal) + "\n\nnonsense\n\n";

        string message = Should.Throw<InvalidDataException>(() => Grammar.NegativeLogProbability(text)).Message;

        message.ShouldContain("Verse 2 ");
        message.ShouldContain("The cokk works");
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void NegativeLogProbability_refuses_a_text_that_ends_within_a_verse() =>
        Should.Throw<InvalidDataException>(() => Grammar.NegativeLogProbability(Verse + "\n\n" + Verse)).Message.ShouldContain("Verse 2 ");

    [Fact]
    public void One_grammar_serves_many_threads()
    {
        string[] verses = Grammar.WriteText(23, 2_000).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        double[] alone = [.. verses.Select(verse => Grammar.NegativeLogProbability(verse + "\n\n"))];
        double[] together = new double[verses.Length];

        Parallel.For(0, verses.Length, i => together[i] = Grammar.NegativeLogProbability(verses[i] + "\n\n"));

        together.ShouldBe(alone);
    }

    private static double StandardError(double[] values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1) / values.Length);
    }
}
