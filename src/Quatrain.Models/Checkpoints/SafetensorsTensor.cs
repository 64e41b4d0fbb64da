using System.Text;

namespace Quatrain.Models.Checkpoints;

/// <summary>Gives the floats of a tensor, wherever they lie; the span is used before the next call.</summary>
public delegate ReadOnlySpan<float> FloatSpanSource();

/// <summary>A named tensor to be written to a safetensors file.</summary>
public sealed class SafetensorsTensor
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly long[] _shape;

    /// <summary>A tensor whose floats are fetched when the file is written, so that none need be copied.</summary>
    /// <param name="name">The name in the file; any valid Unicode but "__metadata__".</param>
    /// <param name="shape">The sizes, outermost first; empty for a single number.</param>
    /// <param name="source">Gives the elements, row-major; may be called more than once and gives the same length each time.</param>
    /// <exception cref="ArgumentException">
    /// The name cannot stand in a safetensors file, a size is negative, or there are too many elements.
    /// </exception>
    public SafetensorsTensor(string name, ReadOnlySpan<long> shape, FloatSpanSource source)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(source);
        if (name == SafetensorsHeader.MetadataName)
        {
            throw new ArgumentException($"'{name}' is the metadata's place and cannot name a tensor.", nameof(name));
        }

        RequireUnicode(name);
        if (shape.Length > SafetensorsHeader.MostDimensions)
        {
            throw new ArgumentException($"{shape.Length} dimensions are more than {SafetensorsHeader.MostDimensions}.", nameof(shape));
        }

        long count = 1;
        foreach (long size in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
            if (Math.BigMul(count, size) > int.MaxValue)
            {
                throw new ArgumentException($"The shape {TensorText.Shape(shape)} has more than {int.MaxValue} elements.", nameof(shape));
            }

            count *= size;
        }

        Name = name;
        _shape = shape.ToArray();
        ElementCount = (int)count;
        Source = source;
    }

    /// <summary>A tensor whose floats lie in managed memory.</summary>
    /// <inheritdoc cref="SafetensorsTensor(string, ReadOnlySpan{long}, FloatSpanSource)"/>
    public SafetensorsTensor(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<float> values)
        : this(name, shape, () => values.Span)
    {
    }

    /// <summary>The name in the file.</summary>
    public string Name { get; }

    /// <summary>The sizes, outermost first.</summary>
    public ReadOnlySpan<long> Shape => _shape;

    /// <summary>The product of the sizes.</summary>
    public int ElementCount { get; }

    /// <summary>Gives the elements, row-major.</summary>
    public FloatSpanSource Source { get; }

    /// <summary>Throws an <see cref="ArgumentException"/> where UTF-8 cannot express <paramref name="text"/>.</summary>
    internal static void RequireUnicode(string text) => StrictUtf8.GetByteCount(text);
}
