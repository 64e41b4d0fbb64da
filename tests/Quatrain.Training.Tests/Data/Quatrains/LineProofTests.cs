using Quatrain.Training.Data.Quatrains;
using Quatrain.Training.Data.Quatrains.Engine;

namespace Quatrain.Training.Tests.Data.Quatrains;

/// <summary>
/// A proof, by listing, that a verse determines its choices. A verse is its four lines in order, and no line holds a line end; so it
/// is enough that each line, whatever the lines before it left in the registers, has no two derivations of one text.
/// </summary>
public sealed class LineProofTests
{
    // Half of the classes rhyme lines 1 and 3, the other half lines 2 and 4.
    private static readonly int ClassesOfAPair = RhymeTable.Classes.Count / 2;

    private static readonly int[] Persons = [VerseRules.She, VerseRules.He, VerseRules.They];

    [Fact]
    public void A_verse_is_its_four_lines_and_a_blank_line()
    {
        VerseRules.Verse.Alternatives.Length.ShouldBe(1);
        string.Concat(VerseRules.Verse.Alternatives[0].Parts.ToArray().Select(part => part.Text ?? part.Rule!.Name))
            .ShouldBe("line 1\nline 2\nline 3\nline 4\n\n");
    }

    [Fact]
    public void First_line_determines_its_choices() => ShouldBeUnique(0, default);

    [Fact]
    public void Second_line_determines_its_choices()
    {
        foreach (int person in Persons)
        {
            foreach (int story in new[] { VerseRules.Flowing, VerseRules.Fresh, VerseRules.Seen })
            {
                ShouldBeUnique(1, Before(person, story));
            }
        }
    }

    [Fact]
    public void Third_line_determines_its_choices()
    {
        foreach (int person in Persons)
        {
            foreach (int story in new[] { VerseRules.WeatherTold, VerseRules.DeedTold })
            {
                for (int rhyme = 0; rhyme < ClassesOfAPair; rhyme++)
                {
                    ShouldBeUnique(2, Before(person, story).With(VerseRules.FirstRhymeClass, rhyme));
                }
            }
        }
    }

    [Fact]
    public void Fourth_line_determines_its_choices()
    {
        foreach (int person in Persons)
        {
            foreach (int story in new[] { VerseRules.AddDeed, VerseRules.AddWeather, VerseRules.ComeBack })
            {
                for (int rhyme = 0; rhyme < ClassesOfAPair; rhyme++)
                {
                    ShouldBeUnique(3, Before(person, story).With(VerseRules.SecondRhymeClass, rhyme));
                }
            }
        }
    }

    private static Registers Before(int person, int story) =>
        default(Registers).With(VerseRules.Person, person).With(VerseRules.Story, story);

    private static void ShouldBeUnique(int line, Registers registers)
    {
        // Two texts with one 64-bit code would fail the test, never pass it; the codes save a gigabyte of strings.
        List<ulong> codes = [];
        foreach (Derivation derivation in StochasticGrammar.Enumerate(VerseRules.Lines[line], registers))
        {
            ulong code = 14695981039346656037;
            foreach (char character in derivation.Text)
            {
                code = (code ^ character) * 1099511628211;
            }

            if (derivation.Text.Contains('\n', StringComparison.Ordinal))
            {
                Assert.Fail($"Line {line + 1} can hold a line end: '{derivation.Text}'.");
            }

            codes.Add(code);
        }

        codes.Count.ShouldBeGreaterThan(0);
        codes.Sort();
        for (int i = 1; i < codes.Count; i++)
        {
            if (codes[i] == codes[i - 1])
            {
                Assert.Fail($"Line {line + 1} has a text with two derivations.");
            }
        }
    }
}
