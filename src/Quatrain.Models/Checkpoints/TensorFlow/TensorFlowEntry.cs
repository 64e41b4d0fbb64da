namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>A tensor of a TensorFlow checkpoint; it is known to lie within its data file.</summary>
internal sealed class TensorFlowEntry : TensorEntry
{
    // The types that a checkpoint of a network holds: the numbers are those of tensorflow/core/framework/types.proto.
    private static readonly Dictionary<ulong, SafetensorsDType> Types = new()
    {
        [1] = SafetensorsDType.F32,
        [2] = SafetensorsDType.F64,
        [3] = SafetensorsDType.I32,
        [4] = SafetensorsDType.U8,
        [5] = SafetensorsDType.I16,
        [6] = SafetensorsDType.I8,
        [9] = SafetensorsDType.I64,
        [10] = SafetensorsDType.Bool,
        [14] = SafetensorsDType.BF16,
        [19] = SafetensorsDType.F16,
    };

    public TensorFlowEntry(string name, BundleEntry entry, long elementCount)
        : base(name, entry.Shape, elementCount)
    {
        Elements = ElementsOf(entry.DType);
        TypeName = Elements is { } elements ? elements.Label() : $"type {entry.DType}";
        Shard = (int)entry.Shard;
        Position = (long)entry.Offset;
        ByteCount = (long)entry.Size;
        Crc = entry.Crc;
    }

    /// <summary>The type of the elements, or null for one whose elements have no fixed size here.</summary>
    public SafetensorsDType? Elements { get; }

    /// <inheritdoc/>
    public override string TypeName { get; }

    /// <inheritdoc/>
    public override bool IsReadableAsFloats => Elements?.IsReadableAsFloats() == true;

    /// <summary>Which data file has it.</summary>
    public int Shard { get; }

    /// <summary>Where it begins there, in bytes.</summary>
    public long Position { get; }

    /// <summary>Its length in bytes.</summary>
    public long ByteCount { get; }

    /// <summary>The masked checksum of its bytes.</summary>
    public uint Crc { get; }

    /// <summary>The type of that number, or null.</summary>
    public static SafetensorsDType? ElementsOf(ulong dtype) => Types.TryGetValue(dtype, out SafetensorsDType elements) ? elements : null;
}
