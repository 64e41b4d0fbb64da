namespace Quatrain.Training.Data.Quatrains;

/// <summary>Words that rhyme with each other, each within the phrases that may end a line with it.</summary>
internal sealed class RhymeClass
{
    private readonly string[] _phrases;

    /// <summary>A class of the given phrases; the last word of each is a rhyming word.</summary>
    public RhymeClass(string name, params string[] phrases)
    {
        Name = name;
        _phrases = phrases;
        Words = [.. phrases.Select(LastWord).Distinct()];
    }

    /// <summary>What the class is called.</summary>
    public string Name { get; }

    /// <summary>The rhyming words.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>The phrases that end with a word.</summary>
    public IEnumerable<string> PhrasesOf(string word) => _phrases.Where(phrase => LastWord(phrase) == word);

    private static string LastWord(string phrase) => phrase[(phrase.LastIndexOf(' ') + 1)..];
}
