using System.Text;
using Quatrain.Tensors;

namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>
/// A stochastic grammar given as tables: it writes texts, parses them, lists them and knows their entropy, always from the same rules.
/// </summary>
/// <remarks>No rule may lead back to itself, so the language is finite and every question about it ends.</remarks>
internal sealed class StochasticGrammar
{
    private readonly Lazy<GrammarMeasures> _measures;
    private GrammarParser? _spareParser;

    /// <summary>The grammar that starts at <paramref name="root"/> with all registers 0; its rules must not change any more.</summary>
    /// <exception cref="ArgumentException">A rule leads back to itself.</exception>
    public StochasticGrammar(GrammarRule root)
    {
        Root = root;
        SortedSet<char> alphabet = [];
        Visit(root, [], [], alphabet);
        Alphabet = string.Concat(alphabet);
        _measures = new Lazy<GrammarMeasures>(() => GrammarMeasures.Of(root));
    }

    /// <summary>The rule that a whole text follows.</summary>
    public GrammarRule Root { get; }

    /// <summary>Every character a text can hold, in order.</summary>
    public string Alphabet { get; }

    /// <summary>Entropy and lengths of the texts, computed once.</summary>
    /// <exception cref="InvalidOperationException">Some choice can be reached with no alternative open.</exception>
    public GrammarMeasures Measures => _measures.Value;

    /// <summary>Writes one text at random.</summary>
    public void Write(RandomSource random, StringBuilder output)
    {
        Registers registers = default;
        Write(Root, ref registers, random, output);
    }

    /// <summary>Parses a whole text and sums over all its derivations; there are none for a text of another language.</summary>
    public Parse Parse(ReadOnlySpan<char> text)
    {
        if (text.Length > Measures.MaxLength)
        {
            return default;
        }

        // A parser is only its working space; taking the spare one keeps this method free of allocation and safe on many threads.
        GrammarParser parser = Interlocked.Exchange(ref _spareParser, null) ?? new GrammarParser();
        Parse parse = parser.Parse(Root, text);
        _spareParser = parser;
        return parse;
    }

    /// <summary>Lists every derivation of a rule from given registers; for small rules, since the number grows as a product.</summary>
    public static IEnumerable<Derivation> Enumerate(GrammarRule rule, Registers registers)
    {
        long total = rule.OpenWeight(registers);
        for (int i = 0; i < rule.Alternatives.Length; i++)
        {
            GrammarAlternative alternative = rule.Alternatives[i];
            if (alternative.Guard.Passes(registers))
            {
                Derivation start = new("", (double)alternative.Weight / total, registers);
                foreach (Derivation derivation in Enumerate(alternative, 0, start))
                {
                    yield return derivation;
                }
            }
        }
    }

    private static IEnumerable<Derivation> Enumerate(GrammarAlternative alternative, int index, Derivation before)
    {
        if (index == alternative.Parts.Length)
        {
            yield return before;
            yield break;
        }

        GrammarPart part = alternative.Parts[index];
        IEnumerable<Derivation> steps = part switch
        {
            { Text: { } text } => [before with { Text = before.Text + text }],
            { Rule: { } rule } => Enumerate(rule, before.Registers).Select(inner =>
                new Derivation(before.Text + inner.Text, before.Probability * inner.Probability, inner.Registers)),
            _ => [before with { Registers = before.Registers.With(part.Register, part.Value) }],
        };
        foreach (Derivation step in steps)
        {
            foreach (Derivation derivation in Enumerate(alternative, index + 1, step))
            {
                yield return derivation;
            }
        }
    }

    private static void Write(GrammarRule rule, ref Registers registers, RandomSource random, StringBuilder output)
    {
        long draw = random.NextInt64(rule.OpenWeight(registers));
        foreach (GrammarAlternative alternative in rule.Alternatives)
        {
            if (!alternative.Guard.Passes(registers))
            {
                continue;
            }

            draw -= alternative.Weight;
            if (draw >= 0)
            {
                continue;
            }

            foreach (GrammarPart part in alternative.Parts)
            {
                if (part.Text is { } text)
                {
                    output.Append(text);
                }
                else if (part.Rule is { } inner)
                {
                    Write(inner, ref registers, random, output);
                }
                else
                {
                    registers = registers.With(part.Register, part.Value);
                }
            }

            return;
        }
    }

    private static void Visit(GrammarRule rule, HashSet<GrammarRule> done, HashSet<GrammarRule> open, SortedSet<char> alphabet)
    {
        if (done.Contains(rule))
        {
            return;
        }

        if (!open.Add(rule))
        {
            throw new ArgumentException($"The rule '{rule.Name}' leads back to itself.", nameof(rule));
        }

        foreach (GrammarAlternative alternative in rule.Alternatives)
        {
            foreach (GrammarPart part in alternative.Parts)
            {
                alphabet.UnionWith(part.Text ?? "");
                if (part.Rule is { } inner)
                {
                    Visit(inner, done, open, alphabet);
                }
            }
        }

        open.Remove(rule);
        done.Add(rule);
    }
}
