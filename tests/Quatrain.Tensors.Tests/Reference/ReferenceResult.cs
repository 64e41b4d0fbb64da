namespace Quatrain.Tensors.Tests.Reference;

/// <summary>Reference values, and for each the sum of the absolute values of its terms, which rounding errors are relative to.</summary>
internal sealed record ReferenceResult(double[] Values, double[] Magnitudes)
{
    public ReferenceResult(int count)
        : this(new double[count], new double[count])
    {
    }

    /// <summary>Adds a term to an element.</summary>
    public void Add(int index, double term) => Add(index, term, Math.Abs(term));

    /// <summary>Adds a term whose own terms were as large as <paramref name="magnitude"/>.</summary>
    public void Add(int index, double term, double magnitude)
    {
        Values[index] += term;
        Magnitudes[index] += magnitude;
    }

    /// <summary>Adds what an output held before, where it is accumulated into.</summary>
    public ReferenceResult Plus(ReadOnlySpan<float> before)
    {
        for (int i = 0; i < before.Length; i++)
        {
            Add(i, before[i]);
        }

        return this;
    }
}
