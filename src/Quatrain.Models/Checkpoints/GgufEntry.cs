namespace Quatrain.Models.Checkpoints;

/// <summary>One tensor of a GGUF file; its size is known to fit the file.</summary>
internal sealed class GgufEntry : TensorEntry
{
    public GgufEntry(string name, string typeName, RawElementType? rawType, long[] shape, long elementCount, long offset, long byteCount)
        : base(name, shape, elementCount) =>
        (TypeName, RawType, Offset, ByteCount) = (typeName, rawType, offset, byteCount);

    /// <inheritdoc/>
    public override string TypeName { get; }

    /// <inheritdoc/>
    public override bool IsReadableAsFloats => RawType is not null;

    /// <summary>How the elements are stored, or null for a type that can't be read.</summary>
    public RawElementType? RawType { get; }

    /// <summary>Where the elements begin: from the start of the data section until that is known, then from the start of the file.</summary>
    public long Offset { get; }

    /// <summary>The bytes of all elements.</summary>
    public long ByteCount { get; }
}
