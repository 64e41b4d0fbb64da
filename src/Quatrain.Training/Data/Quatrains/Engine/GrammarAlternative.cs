namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>One way to follow a rule.</summary>
internal sealed class GrammarAlternative
{
    private readonly GrammarPart[] _parts;

    public GrammarAlternative(int weight, Guard guard, ReadOnlySpan<GrammarPart> parts)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(weight);
        Weight = weight;
        LogWeight = Math.Log(weight);
        Guard = guard;
        _parts = parts.ToArray();
    }

    /// <summary>Its share among the alternatives that are open at the time.</summary>
    public int Weight { get; }

    /// <summary>The weight's natural logarithm.</summary>
    public double LogWeight { get; }

    /// <summary>When it is open.</summary>
    public Guard Guard { get; }

    /// <summary>Its steps in order.</summary>
    public ReadOnlySpan<GrammarPart> Parts => _parts;
}
