namespace Quatrain.Models.Checkpoints;

/// <summary>One tensor of a checkpoint as its head describes it; its size is known to fit the file.</summary>
public abstract class TensorEntry
{
    private protected TensorEntry(string name, long[] shape, long elementCount) => (Name, Shape, ElementCount) = (name, shape, elementCount);

    /// <summary>The tensor's name, as in the file.</summary>
    public string Name { get; }

    /// <summary>The sizes, outermost first; empty for a single number.</summary>
    public long[] Shape { get; }

    /// <summary>The product of the sizes: 1 for a single number, 0 if a size is 0.</summary>
    public long ElementCount { get; }

    /// <summary>What the format calls the type of the elements.</summary>
    public abstract string TypeName { get; }

    /// <summary>Whether <see cref="ITensorFile.ReadFloatRange"/> can read the elements.</summary>
    public abstract bool IsReadableAsFloats { get; }
}
