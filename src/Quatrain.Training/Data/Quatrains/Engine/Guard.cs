namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>A condition on one register.</summary>
/// <param name="Register">The register asked.</param>
/// <param name="Allowed">The values that pass, one bit each.</param>
internal readonly record struct Guard(int Register, ulong Allowed)
{
    /// <summary>Passes always.</summary>
    public static Guard Always { get; } = new(0, ulong.MaxValue);

    /// <summary>Passes where the register holds one of the values.</summary>
    public static Guard Is(int register, params ReadOnlySpan<int> values)
    {
        ulong allowed = 0;
        foreach (int value in values)
        {
            allowed |= 1UL << value;
        }

        return new Guard(register, allowed);
    }

    /// <summary>Whether the registers pass.</summary>
    public bool Passes(Registers registers) => ((Allowed >> registers[Register]) & 1) != 0;
}
