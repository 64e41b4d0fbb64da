namespace Quatrain.Models.Checkpoints;

/// <summary>One tensor as the header of a safetensors file describes it; its size is known to fit the file.</summary>
public sealed class SafetensorsEntry : TensorEntry
{
    internal SafetensorsEntry(string name, SafetensorsDType dtype, long[] shape, long elementCount, long begin)
        : base(name, shape, elementCount)
    {
        DType = dtype;
        Begin = begin;
    }

    /// <summary>The type of the elements.</summary>
    public SafetensorsDType DType { get; }

    /// <inheritdoc/>
    public override string TypeName => DType.Label();

    /// <inheritdoc/>
    public override bool IsReadableAsFloats => DType.IsReadableAsFloats();

    /// <summary>The length of the data, in bytes.</summary>
    public long ByteCount => ElementCount * DType.Size();

    /// <summary>Where the data begin, in bytes from the start of the data section.</summary>
    internal long Begin { get; }

    /// <summary>Where the data end, in bytes from the start of the data section.</summary>
    internal long End => Begin + ByteCount;
}
