using System.Runtime.InteropServices;

namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>A choice among weighted alternatives, some of them open only for certain registers.</summary>
/// <remarks>The probability of an alternative is its weight over the weights of all that are open.</remarks>
internal sealed class GrammarRule(string name)
{
    private readonly List<GrammarAlternative> _alternatives = [];
    private long _weightOfAll;
    private bool _guarded;

    /// <summary>What error messages call it.</summary>
    public string Name { get; } = name;

    /// <summary>All alternatives, open or not.</summary>
    public ReadOnlySpan<GrammarAlternative> Alternatives => CollectionsMarshal.AsSpan(_alternatives);

    /// <summary>Adds an alternative that is always open.</summary>
    public GrammarRule Or(int weight, params ReadOnlySpan<GrammarPart> parts) => Or(weight, Guard.Always, parts);

    /// <summary>Adds an alternative that is open where the guard passes.</summary>
    public GrammarRule Or(int weight, Guard guard, params ReadOnlySpan<GrammarPart> parts)
    {
        _alternatives.Add(new GrammarAlternative(weight, guard, parts));
        _weightOfAll += weight;
        _guarded |= guard != Guard.Always;
        return this;
    }

    /// <summary>Adds one alternative of weight 1 for each text.</summary>
    public GrammarRule OrEach(params ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            Or(1, text);
        }

        return this;
    }

    /// <summary>The summed weight of the alternatives that are open.</summary>
    public long OpenWeight(Registers registers)
    {
        if (!_guarded)
        {
            return _weightOfAll;
        }

        long weight = 0;
        foreach (GrammarAlternative alternative in Alternatives)
        {
            weight += alternative.Guard.Passes(registers) ? alternative.Weight : 0;
        }

        return weight;
    }
}
