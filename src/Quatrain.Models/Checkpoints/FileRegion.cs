namespace Quatrain.Models.Checkpoints;

/// <summary>How the bytes of a <see cref="FileRegion"/> stand for numbers.</summary>
public enum RawElementType
{
    /// <summary>IEEE single precision, 4 bytes.</summary>
    F32,

    /// <summary>IEEE half precision, 2 bytes.</summary>
    F16,

    /// <summary>The upper half of an IEEE single, 2 bytes.</summary>
    BF16,

    /// <summary>Blocks of 32 numbers in 34 bytes: a half-precision scale, then 32 signed bytes; a number is scale times byte.</summary>
    Q8,
}

/// <summary>Where the elements of a tensor lie in a file, one after another, row-major and little-endian: what memory mapping needs.</summary>
/// <param name="Path">The file.</param>
/// <param name="Offset">The first byte, from the start of the file.</param>
/// <param name="Length">The number of bytes.</param>
/// <param name="Type">How they stand for numbers.</param>
public readonly record struct FileRegion(string Path, long Offset, long Length, RawElementType Type);
