namespace Quatrain.Training.Data.Quatrains.Engine;

/// <summary>What a derivation remembers: eight small numbers, each 0 to 63, all 0 at the start.</summary>
/// <param name="Bits">The numbers, a byte each, register 0 lowest.</param>
internal readonly record struct Registers(ulong Bits)
{
    /// <summary>How many registers there are.</summary>
    public const int Count = 8;

    /// <summary>One more than the largest value a register holds, so that a set of values fits 64 bits.</summary>
    public const int ValueLimit = 64;

    /// <summary>The value of one register.</summary>
    public int this[int register] => (int)(Bits >> (8 * register)) & 0xFF;

    /// <summary>The same numbers but for one.</summary>
    public Registers With(int register, int value) => new((Bits & ~Mask(register)) | ((ulong)value << (8 * register)));

    /// <summary>The bits that hold one register.</summary>
    public static ulong Mask(int register) => 0xFFUL << (8 * register);
}
