using Quatrain.Training.Data.Quatrains.Engine;

namespace Quatrain.Training.Data.Quatrains;

/// <summary>Puts the words of the built-in grammar together: lines that agree with each other in person, number, rhyme and story.</summary>
/// <remarks>
/// Each line's text, read after the lines before it, settles every choice in it and every register it sets; so a verse settles all
/// its choices.
/// </remarks>
internal static class VerseRules
{
    /// <summary>Who the verse is about: <see cref="She"/>, <see cref="He"/> or <see cref="They"/>.</summary>
    public const int Person = 0;

    /// <summary>What the next line tells: one of the values from <see cref="Flowing"/> on.</summary>
    public const int Story = 1;

    /// <summary>The rhyme of lines 1 and 3, as its place among their classes.</summary>
    public const int FirstRhymeClass = 2;

    /// <summary>The rhyme of lines 2 and 4, as its place among their classes.</summary>
    public const int SecondRhymeClass = 3;

    public const int She = 0;
    public const int He = 1;
    public const int They = 2;

    /// <summary>The first line ended with a comma.</summary>
    public const int Flowing = 0;

    /// <summary>The first line ended with a full stop.</summary>
    public const int Fresh = 1;

    /// <summary>The first line was about what the poet sees and ended with a comma.</summary>
    public const int Seen = 2;

    /// <summary>The weather is told; a sentence about the person follows.</summary>
    public const int WeatherTold = 3;

    /// <summary>A deed is told; weather or another deed follows.</summary>
    public const int DeedTold = 4;

    /// <summary>The last line adds a deed to the sentence.</summary>
    public const int AddDeed = 5;

    /// <summary>The last line adds the weather.</summary>
    public const int AddWeather = 6;

    /// <summary>The last line comes back from the weather to the person.</summary>
    public const int ComeBack = 7;

    private static readonly Guard Single = Guard.Is(Person, She, He);
    private static readonly Guard Plural = Guard.Is(Person, They);

    /// <summary>The four line rules in order, each without its line end.</summary>
    public static IReadOnlyList<GrammarRule> Lines { get; } = BuildLines();

    /// <summary>The rule of a whole verse.</summary>
    public static GrammarRule Verse { get; } = new GrammarRule("verse")
        .Or(1, Lines[0], "\n", Lines[1], "\n", Lines[2], "\n", Lines[3], "\n\n");

    private static GrammarRule[] BuildLines()
    {
        // Each pair of lines has classes of its own, so the two rhymes of a verse always differ.
        RhymeRules a = new(RhymeTable.Classes.Where((_, i) => i % 2 == 0), FirstRhymeClass);
        RhymeRules b = new(RhymeTable.Classes.Where((_, i) => i % 2 == 1), SecondRhymeClass);
        GrammarRule acts = Verbs("act", VerseWords.Acts);
        GrammarRule pronoun = Pronoun("pronoun", "She", "He", "They");
        GrammarRule lowPronoun = Pronoun("pronoun within a sentence", "she", "he", "they");

        GrammarPart Ends(int story) => GrammarPart.Set(Story, story);

        GrammarRule ending = new GrammarRule("end of line 1").Or(3, ",", Ends(Flowing)).Or(2, ".", Ends(Fresh));
        GrammarRule endingOfSight = new GrammarRule("end of a sight").Or(1, ",", Ends(Seen)).Or(1, ".", Ends(Fresh));
        GrammarRule first = new GrammarRule("line 1")
            .Or(6, Subject(), " ", acts, " ", a.Opening, ending)
            .Or(2, NamedSubject(), " ", acts, " ", a.Opening, ending)
            .Or(2, OngoingSubject(), " ", a.Opening, ending)
            .Or(2, Any("sight", "I see ", "I spy "), PeopleSeen(), " ", a.Opening, endingOfSight);

        GrammarRule second = new GrammarRule("line 2")
            .Or(3, Guard.Is(Story, Flowing, Seen), WeatherClause(b.Opening), ".", Ends(WeatherTold))
            .Or(2, Guard.Is(Story, Flowing), Deed(acts, b.Opening), ".", Ends(DeedTold))
            .Or(3, Guard.Is(Story, Fresh), WeatherSentence(b.Opening), ".", Ends(WeatherTold))
            .Or(2, Guard.Is(Story, Fresh), pronoun, " ", PersonSentence(b.Opening), ".", Ends(DeedTold));

        GrammarRule third = new GrammarRule("line 3")
            .Or(1, Guard.Is(Story, WeatherTold), pronoun, " ", PersonSentence(a.Closing), ",", Ends(AddDeed))
            .Or(1, Guard.Is(Story, DeedTold), pronoun, " ", PersonSentence(a.Closing), ",", Ends(AddWeather))
            .Or(1, Guard.Is(Story, DeedTold), WeatherSentence(a.Closing), ",", Ends(ComeBack));

        GrammarRule comeback = new GrammarRule("coming back")
            .Or(1, acts, " ", b.Closing)
            .Or(1, Being(), Any("comfort", VerseWords.Comforts), " ", b.Closing);
        GrammarRule fourth = new GrammarRule("line 4")
            .Or(1, Guard.Is(Story, AddDeed), Deed(acts, b.Closing), ".")
            .Or(1, Guard.Is(Story, AddWeather), WeatherClause(b.Closing), ".")
            .Or(1, Guard.Is(Story, ComeBack), Any("turn", "and ", "but ", "so ", "yet "), lowPronoun, " ", comeback, ".");

        return [first, second, third, fourth];
    }

    private static GrammarRule Subject()
    {
        GrammarRule one = Any("article", "The ", "A ", "Our ", "My ");
        GrammarRule many = Any("articles", "The ", "Two ", "Our ", "My ", "Some ");
        return People("subject", one, many);
    }

    private static GrammarRule PeopleSeen()
    {
        GrammarRule one = Any("article within a sentence", "the ", "a ", "our ", "my ");
        GrammarRule many = Any("articles within a sentence", "the ", "two ", "our ", "my ");
        return People("seen", one, many);
    }

    private static GrammarRule People(string name, GrammarRule one, GrammarRule many) => new GrammarRule(name)
        .Or(1, one, Any("woman", VerseWords.Women), GrammarPart.Set(Person, She))
        .Or(1, one, Any("man", VerseWords.Men), GrammarPart.Set(Person, He))
        .Or(1, many, Any("crowd", VerseWords.Crowds), GrammarPart.Set(Person, They));

    private static GrammarRule NamedSubject()
    {
        GrammarRule adjective = Any("adjective of a name", VerseWords.NameAdjectives);
        GrammarRule woman = Any("woman's name", VerseWords.WomensShortNames);
        GrammarRule man = Any("man's name", VerseWords.MensShortNames);
        return new GrammarRule("named subject")
            .Or(1, adjective, " ", woman, GrammarPart.Set(Person, She))
            .Or(1, adjective, " ", man, GrammarPart.Set(Person, He))
            .Or(1, new GrammarRule("couple").Or(1, woman, " and ", man).Or(1, man, " and ", woman), GrammarPart.Set(Person, They));
    }

    private static GrammarRule OngoingSubject()
    {
        GrammarRule acts = Any("ongoing act", VerseWords.OngoingActs);
        return new GrammarRule("ongoing subject")
            .Or(1, Any("woman's long name", VerseWords.WomensLongNames), " is ", acts, GrammarPart.Set(Person, She))
            .Or(1, Any("man's long name", VerseWords.MensLongNames), " is ", acts, GrammarPart.Set(Person, He));
    }

    private static GrammarRule PersonSentence(GrammarRule rhyme)
    {
        GrammarRule sentence = new GrammarRule("sentence about a person")
            .Or(2, Being(), Any("mood", VerseWords.Moods), " ", rhyme)
            .Or(2, Verbs("wish", VerseWords.WishVerbs), " to ", Any("wished act", VerseWords.Wishes), " ",
                rhyme)
            .Or(3, Verbs("finding", VerseWords.Treasures.Verbs), " ", Any("which", VerseWords.Treasures.Adjectives), " ",
                Any("treasure", VerseWords.Treasures.Objects), " ", rhyme);
        return AddErrands(sentence, rhyme, "");
    }

    private static GrammarRule Deed(GrammarRule acts, GrammarRule rhyme) =>
        AddErrands(new GrammarRule("deed").Or(2, "and then ", acts, " ", rhyme), rhyme, "and ", "then ");

    private static GrammarRule AddErrands(GrammarRule sentence, GrammarRule rhyme, params string[] openings)
    {
        GrammarRule start = Any("opening", openings);
        foreach ((int weight, string[] verbs, string[] objects) in VerseWords.Errands)
        {
            sentence.Or(weight, start, Verbs("errand", verbs), " ", Any("thing", objects), " ", rhyme);
        }

        return sentence;
    }

    private static GrammarRule WeatherClause(GrammarRule rhyme)
    {
        GrammarRule happening = new("weather");
        foreach ((_, string[] one, string[] many, string[] verbs) in VerseWords.Weathers)
        {
            happening.Or(one.Length + many.Length, Happening(one, many, verbs));
        }

        return new GrammarRule("weather clause")
            .Or(3, Any("while", "as ", "and ", "while ", "when "), happening, " ", rhyme)
            .Or(1, Any("and all", "and ", "for ", "while "), "all is ", Airs(), " ", rhyme);
    }

    private static GrammarRule WeatherSentence(GrammarRule rhyme)
    {
        GrammarRule happening = new("weather with an adjective");
        foreach ((string[] adjectives, string[] one, string[] many, string[] verbs) in VerseWords.Weathers)
        {
            GrammarRule adjective = Any("adjective of weather", adjectives);
            happening.Or(one.Length + many.Length, adjective, " ", Happening(one, many, verbs));
        }

        return new GrammarRule("weather sentence")
            .Or(3, happening, " ", rhyme)
            .Or(1, Any("the world", "The air", "The world", "All"), " is ", Airs(), " ", rhyme);
    }

    private static GrammarRule Happening(string[] one, string[] many, string[] verbs)
    {
        GrammarRule happening = new("happening");
        if (one.Length > 0)
        {
            happening.Or(one.Length, Any("one thing", one), " ", Any("its verb", [.. verbs.Select(verb => verb.Split('|')[0])]));
        }

        return happening.Or(many.Length, Any("many things", many), " ", Any("their verb", [.. verbs.Select(verb => verb.Split('|')[^1])]));
    }

    private static GrammarRule Airs() => Any("how all is", VerseWords.Airs);

    private static GrammarRule Any(string name, params ReadOnlySpan<string> texts) => new GrammarRule(name).OrEach(texts);

    private static GrammarRule Verbs(string name, string[] pairs)
    {
        GrammarRule verbs = new(name);
        foreach (string pair in pairs)
        {
            string[] forms = pair.Split('|');
            verbs.Or(1, Single, forms[0]).Or(1, Plural, forms[1]);
        }

        return verbs;
    }

    private static GrammarRule Being() => new GrammarRule("is or are").Or(1, Single, "is ").Or(1, Plural, "are ");

    private static GrammarRule Pronoun(string name, string she, string he, string they) => new GrammarRule(name)
        .Or(1, Guard.Is(Person, She), she)
        .Or(1, Guard.Is(Person, He), he)
        .Or(1, Guard.Is(Person, They), they);
}
