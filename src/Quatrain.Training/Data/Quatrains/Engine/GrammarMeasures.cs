using System.Runtime.InteropServices;

namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>Exact numbers about a grammar's texts, computed from its tables.</summary>
/// <param name="Entropy">The mean of -log p over derivations, in nats; the entropy of the texts where each has one derivation.</param>
/// <param name="MeanLength">The mean number of characters.</param>
/// <param name="MaxLength">The most characters that some derivation writes.</param>
internal sealed record GrammarMeasures(double Entropy, double MeanLength, int MaxLength)
{
    /// <summary>The measures of all texts that start at <paramref name="root"/> with all registers 0.</summary>
    /// <remarks>
    /// H(rule, r) = sum over open alternatives of p (-log p + sum over the rules it calls of E[H(called, r')]), where r' are the
    /// registers at the call. The distribution of r' is carried along exactly, so agreement and rhyme count as what they are.
    /// </remarks>
    /// <exception cref="InvalidOperationException">Some choice can be reached with no alternative open.</exception>
    public static GrammarMeasures Of(GrammarRule root)
    {
        RuleSummary summary = new Calculation().Summarize(root, default);
        int maxLength = 0;
        foreach (Effect effect in summary.Effects.Values)
        {
            maxLength = Math.Max(maxLength, effect.MaxLength);
        }

        return new GrammarMeasures(summary.Entropy, summary.MeanLength, maxLength);
    }

    /// <summary>Which registers were set, and to what.</summary>
    private readonly record struct Writes(ulong Mask, ulong Bits)
    {
        public Registers On(Registers registers) => new((registers.Bits & ~Mask) | Bits);

        public Writes Then(Writes later) => new(Mask | later.Mask, (Bits & ~later.Mask) | later.Bits);
    }

    /// <summary>How likely some writes are, and how long a text comes with them.</summary>
    private record struct Effect(double Probability, int MaxLength);

    private sealed record RuleSummary(double Entropy, double MeanLength, Dictionary<Writes, Effect> Effects);

    private sealed class Calculation
    {
        private readonly Dictionary<(GrammarRule Rule, ulong Read), RuleSummary> _summaries = [];
        private readonly Dictionary<GrammarRule, ulong> _readMasks = [];

        public RuleSummary Summarize(GrammarRule rule, Registers registers)
        {
            // A rule behaves alike wherever the registers it looks at are alike: that keeps the table small.
            (GrammarRule, ulong) key = (rule, registers.Bits & ReadMask(rule));
            if (_summaries.TryGetValue(key, out RuleSummary? known))
            {
                return known;
            }

            long total = rule.OpenWeight(registers);
            if (total == 0)
            {
                throw new InvalidOperationException($"The rule '{rule.Name}' can be reached with no alternative open.");
            }

            double entropy = 0;
            double meanLength = 0;
            Dictionary<Writes, Effect> effects = [];
            foreach (GrammarAlternative alternative in rule.Alternatives)
            {
                if (alternative.Guard.Passes(registers))
                {
                    double probability = (double)alternative.Weight / total;
                    entropy -= probability * Math.Log(probability);
                    Dictionary<Writes, Effect> ends = Follow(alternative, registers, probability, ref entropy, ref meanLength);
                    foreach ((Writes writes, Effect effect) in ends)
                    {
                        Add(effects, writes, effect);
                    }
                }
            }

            return _summaries[key] = new RuleSummary(entropy, meanLength, effects);
        }

        private Dictionary<Writes, Effect> Follow(
            GrammarAlternative alternative, Registers registers, double probability, ref double entropy, ref double meanLength)
        {
            Dictionary<Writes, Effect> current = new() { [default] = new Effect(probability, 0) };
            foreach (GrammarPart part in alternative.Parts)
            {
                Dictionary<Writes, Effect> following = new(current.Count);
                meanLength += probability * (part.Text?.Length ?? 0);
                foreach ((Writes writes, Effect effect) in current)
                {
                    if (part.Text is { } text)
                    {
                        Add(following, writes, effect with { MaxLength = effect.MaxLength + text.Length });
                    }
                    else if (part.Rule is { } rule)
                    {
                        RuleSummary inner = Summarize(rule, writes.On(registers));
                        entropy += effect.Probability * inner.Entropy;
                        meanLength += effect.Probability * inner.MeanLength;
                        foreach ((Writes innerWrites, Effect innerEffect) in inner.Effects)
                        {
                            Effect both = new(effect.Probability * innerEffect.Probability, effect.MaxLength + innerEffect.MaxLength);
                            Add(following, writes.Then(innerWrites), both);
                        }
                    }
                    else
                    {
                        Writes set = new(Registers.Mask(part.Register), default(Registers).With(part.Register, part.Value).Bits);
                        Add(following, writes.Then(set), effect);
                    }
                }

                current = following;
            }

            return current;
        }

        private static void Add(Dictionary<Writes, Effect> effects, Writes writes, Effect added)
        {
            ref Effect effect = ref CollectionsMarshal.GetValueRefOrAddDefault(effects, writes, out _);
            effect = new Effect(effect.Probability + added.Probability, Math.Max(effect.MaxLength, added.MaxLength));
        }

        private ulong ReadMask(GrammarRule rule)
        {
            if (_readMasks.TryGetValue(rule, out ulong mask))
            {
                return mask;
            }

            foreach (GrammarAlternative alternative in rule.Alternatives)
            {
                mask |= alternative.Guard == Guard.Always ? 0 : Registers.Mask(alternative.Guard.Register);
                foreach (GrammarPart part in alternative.Parts)
                {
                    mask |= part.Rule is { } inner ? ReadMask(inner) : 0;
                }
            }

            return _readMasks[rule] = mask;
        }
    }
}
