namespace Quatrain.Models.Checkpoints;

/// <summary>The types of metadata values, numbered as in the file.</summary>
internal enum GgufValueType
{
    UInt8, Int8, UInt16, Int16, UInt32, Int32, Float32, Bool, String, Array, UInt64, Int64, Float64,
}

/// <summary>The types of tensor elements: name, numbers of a block and its bytes, by the number the file gives them.</summary>
/// <remarks>Source: ggml.h and ggml-common.h of llama.cpp.</remarks>
internal static class GgufTypes
{
    public const uint F32 = 0, F16 = 1, Q8 = 8, BF16 = 30;

    private static readonly Dictionary<uint, (string Label, int BlockLength, int BlockBytes)> Table = new()
    {
        [F32] = ("F32", 1, 4),
        [F16] = ("F16", 1, 2),
        [2] = ("Q4_0", 32, 18),
        [3] = ("Q4_1", 32, 20),
        [6] = ("Q5_0", 32, 22),
        [7] = ("Q5_1", 32, 24),
        [Q8] = ("Q8_0", 32, 34),
        [9] = ("Q8_1", 32, 36),
        [10] = ("Q2_K", 256, 84),
        [11] = ("Q3_K", 256, 110),
        [12] = ("Q4_K", 256, 144),
        [13] = ("Q5_K", 256, 176),
        [14] = ("Q6_K", 256, 210),
        [15] = ("Q8_K", 256, 292),
        [24] = ("I8", 1, 1),
        [25] = ("I16", 1, 2),
        [26] = ("I32", 1, 4),
        [27] = ("I64", 1, 8),
        [28] = ("F64", 1, 8),
        [BF16] = ("BF16", 1, 2),
    };

    /// <summary>What is known of the type of that number, if anything.</summary>
    public static bool TryGet(uint type, out (string Label, int BlockLength, int BlockBytes) known) => Table.TryGetValue(type, out known);

    /// <summary>The type as this program reads it, or null where it doesn't.</summary>
    public static RawElementType? Raw(uint type) => type switch
    {
        F32 => RawElementType.F32,
        F16 => RawElementType.F16,
        BF16 => RawElementType.BF16,
        Q8 => RawElementType.Q8,
        _ => null,
    };

    /// <summary>The number of a type that this program writes.</summary>
    public static uint Number(RawElementType type) => type switch
    {
        RawElementType.F32 => F32,
        RawElementType.F16 => F16,
        RawElementType.BF16 => BF16,
        _ => Q8,
    };

    /// <summary>The bytes of a metadata value of fixed size, or 0.</summary>
    public static int Size(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };
}
