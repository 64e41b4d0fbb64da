namespace Quatrain.Tensors.Kernels;

/// <summary>Deals the blocks of a causal triangle out to parts of about the same work: forth and back, as the blocks grow along the diagonal.</summary>
internal static class WorkParts
{
    /// <summary>Whether block <paramref name="block"/> is one of part <paramref name="part"/>'s.</summary>
    public static bool Has(int part, int parts, int block)
    {
        int turn = block % (2 * parts);
        return part == Math.Min(turn, 2 * parts - 1 - turn);
    }
}
