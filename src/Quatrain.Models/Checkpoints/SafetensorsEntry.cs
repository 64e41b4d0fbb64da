namespace Quatrain.Models.Checkpoints;

/// <summary>One tensor as the header of a safetensors file describes it; its size is known to fit the file.</summary>
public sealed class SafetensorsEntry
{
    internal SafetensorsEntry(string name, SafetensorsDType dtype, long[] shape, long elementCount, long begin)
    {
        Name = name;
        DType = dtype;
        Shape = shape;
        ElementCount = elementCount;
        Begin = begin;
    }

    /// <summary>The tensor's name, as in the file.</summary>
    public string Name { get; }

    /// <summary>The type of the elements.</summary>
    public SafetensorsDType DType { get; }

    /// <summary>The sizes, outermost first; empty for a single number.</summary>
    public long[] Shape { get; }

    /// <summary>The product of the sizes: 1 for a single number, 0 if a size is 0.</summary>
    public long ElementCount { get; }

    /// <summary>The length of the data, in bytes.</summary>
    public long ByteCount => ElementCount * DType.Size();

    /// <summary>Where the data begin, in bytes from the start of the data section.</summary>
    internal long Begin { get; }

    /// <summary>Where the data end, in bytes from the start of the data section.</summary>
    internal long End => Begin + ByteCount;
}
