namespace Quatrain.Tensors;

/// <summary>How the numbers of a weight are stored. Arithmetic is in float32 whatever the format, but for the products inside blocks of int8.</summary>
public enum WeightFormat
{
    /// <summary>IEEE single precision, 4 bytes a number. The only one that can be trained.</summary>
    Float32,

    /// <summary>bfloat16: the upper half of a float32, 2 bytes a number.</summary>
    BFloat16,

    /// <summary>
    /// Blocks of 32 numbers of 8 bits with a scale of half precision: 34 bytes, as GGUF's Q8_0. A block's numbers are terms of one sum, so a linear
    /// layer's weight lies output by output.
    /// </summary>
    Int8,
}
