namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>
/// Finds all derivations of a text at once, from left to right; ways that meet at the same place with the same registers are merged,
/// so the work is bounded by a power of the text's length whatever the text.
/// </summary>
/// <remarks>An instance is working space for one thread at a time.</remarks>
internal sealed class GrammarParser
{
    private readonly Stack<List<Hypothesis>> _spares = new();

    /// <summary>All derivations of the whole text from <paramref name="root"/>, summed.</summary>
    public Parse Parse(GrammarRule root, ReadOnlySpan<char> text)
    {
        Parse parse = default;
        List<Hypothesis> ends = Rent();
        Follow(root, text, new Hypothesis(0, default, 1, 0), ends);
        Hypothesis? whole = null;
        foreach (Hypothesis end in ends)
        {
            if (end.Position == text.Length)
            {
                whole = whole is { } other ? other.MergedWith(end) : end;
            }
        }

        if (whole is { } found)
        {
            parse = new Parse(found.Count, found.NegativeLogProbability);
        }

        Return(ends);
        return parse;
    }

    private void Follow(GrammarRule rule, ReadOnlySpan<char> text, Hypothesis start, List<Hypothesis> ends)
    {
        double logTotal = Math.Log(rule.OpenWeight(start.Registers));
        foreach (GrammarAlternative alternative in rule.Alternatives)
        {
            if (alternative.Guard.Passes(start.Registers))
            {
                double negativeLogProbability = start.NegativeLogProbability + logTotal - alternative.LogWeight;
                Follow(alternative, text, start with { NegativeLogProbability = negativeLogProbability }, ends);
            }
        }
    }

    private void Follow(GrammarAlternative alternative, ReadOnlySpan<char> text, Hypothesis start, List<Hypothesis> ends)
    {
        ReadOnlySpan<GrammarPart> parts = alternative.Parts;
        int next = 0;

        // Most alternatives fail on their first text; no list is needed to find that out.
        while (next < parts.Length && parts[next].Rule is null)
        {
            if (!TryStep(parts[next], text, ref start))
            {
                return;
            }

            next++;
        }

        if (next == parts.Length)
        {
            Add(ends, start);
            return;
        }

        List<Hypothesis> current = Rent();
        List<Hypothesis> following = Rent();
        current.Add(start);
        for (; next < parts.Length && current.Count > 0; next++)
        {
            foreach (Hypothesis hypothesis in current)
            {
                Hypothesis step = hypothesis;
                if (parts[next].Rule is { } rule)
                {
                    Follow(rule, text, step, following);
                }
                else if (TryStep(parts[next], text, ref step))
                {
                    Add(following, step);
                }
            }

            current.Clear();
            (current, following) = (following, current);
        }

        foreach (Hypothesis end in current)
        {
            Add(ends, end);
        }

        Return(current);
        Return(following);
    }

    private static bool TryStep(GrammarPart part, ReadOnlySpan<char> text, ref Hypothesis hypothesis)
    {
        if (part.Text is null)
        {
            hypothesis = hypothesis with { Registers = hypothesis.Registers.With(part.Register, part.Value) };
            return true;
        }

        if (!text[hypothesis.Position..].StartsWith(part.Text, StringComparison.Ordinal))
        {
            return false;
        }

        hypothesis = hypothesis with { Position = hypothesis.Position + part.Text.Length };
        return true;
    }

    private static void Add(List<Hypothesis> hypotheses, Hypothesis added)
    {
        for (int i = 0; i < hypotheses.Count; i++)
        {
            if (hypotheses[i].Position == added.Position && hypotheses[i].Registers == added.Registers)
            {
                hypotheses[i] = hypotheses[i].MergedWith(added);
                return;
            }
        }

        hypotheses.Add(added);
    }

    private List<Hypothesis> Rent() => _spares.TryPop(out List<Hypothesis>? spare) ? spare : [];

    private void Return(List<Hypothesis> list)
    {
        list.Clear();
        _spares.Push(list);
    }

    /// <summary>The ways of reading the text up to a position that leave the same registers.</summary>
    private readonly record struct Hypothesis(int Position, Registers Registers, long Count, double NegativeLogProbability)
    {
        public Hypothesis MergedWith(Hypothesis other)
        {
            double nearer = Math.Min(NegativeLogProbability, other.NegativeLogProbability);
            double farther = Math.Max(NegativeLogProbability, other.NegativeLogProbability);
            return this with
            {
                Count = Count + other.Count,
                NegativeLogProbability = nearer - Math.Log(1 + Math.Exp(nearer - farther)),
            };
        }
    }
}
