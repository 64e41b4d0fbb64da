namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>One step of an alternative: a text, a rule to follow, or a register to set.</summary>
internal readonly struct GrammarPart
{
    private GrammarPart(string? text, GrammarRule? rule, int register, int value) =>
        (Text, Rule, Register, Value) = (text, rule, register, value);

    /// <summary>The text to write, or null.</summary>
    public string? Text { get; }

    /// <summary>The rule to follow, or null.</summary>
    public GrammarRule? Rule { get; }

    /// <summary>The register to set where there is neither text nor rule.</summary>
    public int Register { get; }

    /// <summary>The value the register gets.</summary>
    public int Value { get; }

    /// <summary>A step that sets a register.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such register, or it cannot hold the value.</exception>
    public static GrammarPart Set(int register, int value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)register, (uint)Registers.Count, nameof(register));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)value, (uint)Registers.ValueLimit, nameof(value));
        return new GrammarPart(null, null, register, value);
    }

    public static implicit operator GrammarPart(string text) => new(text, null, 0, 0);

    public static implicit operator GrammarPart(GrammarRule rule) => new(null, rule, 0, 0);
}
