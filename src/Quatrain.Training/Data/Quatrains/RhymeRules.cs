using Quatrain.Training.Data.Quatrains.Engine;

namespace Quatrain.Training.Data.Quatrains;

/// <summary>The rules for the last phrases of two lines that rhyme with each other.</summary>
/// <remarks>
/// Of a class's words every other one opens a rhyme and the rest answer, so that a word never rhymes with itself and the answer depends on the class
/// alone.
/// </remarks>
internal sealed class RhymeRules
{
    /// <summary>The rules for a pair of lines.</summary>
    /// <param name="classes">The rhyme classes to choose from.</param>
    /// <param name="classRegister">Remembers the class that the opening line chose.</param>
    public RhymeRules(IEnumerable<RhymeClass> classes, int classRegister)
    {
        int place = 0;
        foreach (RhymeClass rhymes in classes)
        {
            Opening.Or(1, Words(rhymes, first: 0), GrammarPart.Set(classRegister, place));
            Closing.Or(1, Guard.Is(classRegister, place), Words(rhymes, first: 1));
            place++;
        }
    }

    /// <summary>The phrase that chooses the rhyme: any class, any of its opening words.</summary>
    public GrammarRule Opening { get; } = new("rhyme");

    /// <summary>The phrase that answers it: the same class, any of its answering words.</summary>
    public GrammarRule Closing { get; } = new("answering rhyme");

    private static GrammarRule Words(RhymeClass rhymes, int first)
    {
        GrammarRule rule = new($"words that rhyme with {rhymes.Name}");
        for (int i = first; i < rhymes.Words.Count; i += 2)
        {
            rule.Or(1, new GrammarRule($"phrases that end with {rhymes.Words[i]}").OrEach([.. rhymes.PhrasesOf(rhymes.Words[i])]));
        }

        return rule;
    }
}
