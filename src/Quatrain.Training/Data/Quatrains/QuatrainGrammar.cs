using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Quatrain.Tensors;
using Quatrain.Training.Data.Quatrains.Engine;

namespace Quatrain.Training.Data.Quatrains;

/// <summary>
/// The built-in data set: a stochastic grammar that writes unlimited four-line verses, rhymed ABAB, and knows their exact entropy.
/// </summary>
/// <remarks>
/// A verse is four lines, each ended by a line end, and one blank line. Every verse has exactly one derivation, so -log p of a text
/// is the sum of -log p over its choices, and no model's mean loss can lie below <see cref="EntropyPerCharacter"/>. Instances may be
/// used from many threads at once.
/// </remarks>
public sealed class QuatrainGrammar
{
    private const int LineCount = 4;

    private readonly StochasticGrammar _grammar;
    private readonly Dictionary<string, int> _rhymeClasses = [];
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _rhymeClassOf;

    private QuatrainGrammar()
    {
        _grammar = new StochasticGrammar(VerseRules.Verse);
        for (int i = 0; i < RhymeTable.Classes.Count; i++)
        {
            foreach (string word in RhymeTable.Classes[i].Words)
            {
                _rhymeClasses.Add(word, i);
            }
        }

        _rhymeClassOf = _rhymeClasses.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>The grammar of the data set.</summary>
    public static QuatrainGrammar Default { get; } = new();

    /// <summary>The entropy of a verse with its blank line, in nats.</summary>
    public double EntropyPerVerse => _grammar.Measures.Entropy;

    /// <summary>The mean number of characters of a verse with its blank line.</summary>
    public double MeanCharactersPerVerse => _grammar.Measures.MeanLength;

    /// <summary>The most characters a verse with its blank line can have.</summary>
    public int MaxCharactersPerVerse => _grammar.Measures.MaxLength;

    /// <summary>
    /// The floor under every model's mean loss on endless text, in nats per character:
    /// <see cref="EntropyPerVerse"/> / <see cref="MeanCharactersPerVerse"/>.
    /// </summary>
    public double EntropyPerCharacter => EntropyPerVerse / MeanCharactersPerVerse;

    /// <summary>Every character a verse can hold, in order.</summary>
    public string Alphabet => _grammar.Alphabet;

    internal StochasticGrammar Engine => _grammar;

    /// <summary>Writes one verse with its blank line.</summary>
    public string WriteVerse(RandomSource random)
    {
        StringBuilder verse = new();
        _grammar.Write(random, verse);
        return verse.ToString();
    }

    /// <summary>Writes verses one after the other; the same seed gives the same text everywhere.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="verseCount"/> is negative.</exception>
    public string WriteText(ulong seed, int verseCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(verseCount);
        RandomSource random = new(seed);
        StringBuilder text = new();
        for (int i = 0; i < verseCount; i++)
        {
            _grammar.Write(random, text);
        }

        return text.ToString();
    }

    /// <summary>
    /// Reads one verse, with or without its last line end and blank line; false where the grammar cannot have written it.
    /// </summary>
    public bool TryParse(ReadOnlySpan<char> verse, [NotNullWhen(true)] out VerseReading? reading)
    {
        reading = null;
        Parse parse = ParseVerse(verse);
        if (parse.DerivationCount == 0)
        {
            return false;
        }

        string[] endWords = new string[LineCount];
        int line = 0;
        foreach (ReadOnlySpan<char> text in verse.TrimEnd('\n').EnumerateLines())
        {
            endWords[line++] = EndWord(text).ToString();
        }

        reading = new VerseReading(parse.NegativeLogProbability, endWords);
        return true;
    }

    /// <summary>-log of the probability of a text of complete verses, in nats: what a perfect model would lose on it in all.</summary>
    /// <exception cref="InvalidDataException">Some verse is not of the grammar, or the text ends within a verse.</exception>
    public double NegativeLogProbability(ReadOnlySpan<char> text)
    {
        double sum = 0;
        for (int number = 1; !text.IsEmpty; number++)
        {
            int end = text.IndexOf("\n\n");
            if (end < 0)
            {
                throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                    $"Verse {number} of the text has no blank line after it; end every verse with one."));
            }

            Parse parse = ParseVerse(text[..end]);
            if (parse.DerivationCount == 0)
            {
                throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                    $"Verse {number} of the text, '{Excerpt(text[..end])}', cannot come from the quatrain grammar; use text made by it."));
            }

            sum += parse.NegativeLogProbability;
            text = text[(end + 2)..];
        }

        return sum;
    }

    /// <summary>
    /// Whether four lines rhyme ABAB by their last words alone: 1 with 3 and 2 with 4, by different words and different rhymes.
    /// </summary>
    public bool Rhymes(ReadOnlySpan<char> verse)
    {
        Span<Range> lines = stackalloc Range[LineCount + 1];
        ReadOnlySpan<char> text = verse.TrimEnd('\n');
        if (text.Split(lines, '\n') != LineCount)
        {
            return false;
        }

        ReadOnlySpan<char> first = EndWord(text[lines[0]]);
        ReadOnlySpan<char> second = EndWord(text[lines[1]]);
        ReadOnlySpan<char> third = EndWord(text[lines[2]]);
        ReadOnlySpan<char> fourth = EndWord(text[lines[3]]);
        return _rhymeClassOf.TryGetValue(first, out int a) && _rhymeClassOf.TryGetValue(third, out int alsoA)
            && _rhymeClassOf.TryGetValue(second, out int b) && _rhymeClassOf.TryGetValue(fourth, out int alsoB)
            && a == alsoA && b == alsoB && a != b && !first.SequenceEqual(third) && !second.SequenceEqual(fourth);
    }

    internal Parse ParseVerse(ReadOnlySpan<char> verse)
    {
        int lineEnds = 0;
        while (lineEnds < 2 && verse.EndsWith("\n"))
        {
            verse = verse[..^1];
            lineEnds++;
        }

        if (verse.Length + 2 > MaxCharactersPerVerse)
        {
            return default;
        }

        Span<char> whole = stackalloc char[verse.Length + 2];
        verse.CopyTo(whole);
        whole[^2..].Fill('\n');
        return _grammar.Parse(whole);
    }

    private static ReadOnlySpan<char> EndWord(ReadOnlySpan<char> line)
    {
        ReadOnlySpan<char> words = line.TrimEnd(",.");
        return words[(words.LastIndexOf(' ') + 1)..];
    }

    private static string Excerpt(ReadOnlySpan<char> verse)
    {
        const int Limit = 60;
        string text = verse.Length > Limit ? $"{verse[..Limit]}..." : verse.ToString();
        return text.Replace('\n', '/');
    }
}
