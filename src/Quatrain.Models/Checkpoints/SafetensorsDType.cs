namespace Quatrain.Models.Checkpoints;

/// <summary>The element type of a tensor in a safetensors file.</summary>
public enum SafetensorsDType
{
    /// <summary>Truth value, 1 byte.</summary>
    Bool,

    /// <summary>Unsigned integer, 1 byte.</summary>
    U8,

    /// <summary>Signed integer, 1 byte.</summary>
    I8,

    /// <summary>Floating point with 5 exponent and 2 mantissa bits, 1 byte.</summary>
    F8E5M2,

    /// <summary>Floating point with 4 exponent and 3 mantissa bits, 1 byte.</summary>
    F8E4M3,

    /// <summary>Power of two with 8 exponent bits, 1 byte.</summary>
    F8E8M0,

    /// <summary>Signed integer, 2 bytes.</summary>
    I16,

    /// <summary>Unsigned integer, 2 bytes.</summary>
    U16,

    /// <summary>IEEE half precision, 2 bytes.</summary>
    F16,

    /// <summary>The upper half of an IEEE single, 2 bytes.</summary>
    BF16,

    /// <summary>Signed integer, 4 bytes.</summary>
    I32,

    /// <summary>Unsigned integer, 4 bytes.</summary>
    U32,

    /// <summary>IEEE single precision, 4 bytes.</summary>
    F32,

    /// <summary>Complex number of two singles, 8 bytes.</summary>
    C64,

    /// <summary>IEEE double precision, 8 bytes.</summary>
    F64,

    /// <summary>Signed integer, 8 bytes.</summary>
    I64,

    /// <summary>Unsigned integer, 8 bytes.</summary>
    U64,
}

/// <summary>The names and sizes of the element types.</summary>
internal static class SafetensorsDTypes
{
    private static readonly (string Label, int Size)[] Table =
    [
        ("BOOL", 1), ("U8", 1), ("I8", 1), ("F8_E5M2", 1), ("F8_E4M3", 1), ("F8_E8M0", 1), ("I16", 2), ("U16", 2), ("F16", 2),
        ("BF16", 2), ("I32", 4), ("U32", 4), ("F32", 4), ("C64", 8), ("F64", 8), ("I64", 8), ("U64", 8),
    ];

    /// <summary>The type's name in the file's header.</summary>
    public static string Label(this SafetensorsDType type) => Table[(int)type].Label;

    /// <summary>Bytes an element.</summary>
    public static int Size(this SafetensorsDType type) => Table[(int)type].Size;

    /// <summary>Whether <see cref="SafetensorsFile.ReadFloats"/> can convert the type.</summary>
    public static bool IsReadableAsFloats(this SafetensorsDType type) =>
        type is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16 or SafetensorsDType.F64;

    /// <summary>The type with the given name, or null.</summary>
    public static SafetensorsDType? Find(string label)
    {
        int index = Array.FindIndex(Table, row => row.Label == label);
        return index < 0 ? null : (SafetensorsDType)index;
    }
}
