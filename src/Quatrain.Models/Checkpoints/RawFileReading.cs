using System.Runtime.InteropServices;

namespace Quatrain.Models.Checkpoints;

/// <summary>What readers of several formats ask of a <see cref="RawFile"/>.</summary>
internal static class RawFileReading
{
    private const int ConversionDoubles = 1 << 11;

    /// <summary>How elements of that type lie in a file for those who map it into memory; null for types that are not weights there.</summary>
    public static RawElementType? Raw(this SafetensorsDType type) => type switch
    {
        SafetensorsDType.F32 => RawElementType.F32,
        SafetensorsDType.F16 => RawElementType.F16,
        SafetensorsDType.BF16 => RawElementType.BF16,
        _ => null,
    };

    /// <summary>The bytes from <paramref name="position"/> on, <paramref name="count"/> of them, which the file is known to have.</summary>
    /// <exception cref="InvalidDataException">The file has since become shorter.</exception>
    public static byte[] ReadBytes(this RawFile file, long position, int count)
    {
        byte[] bytes = new byte[count];
        file.Read(position, bytes);
        return bytes;
    }

    /// <summary>Reads numbers of a floating-point type from the one numbered <paramref name="start"/> on, each as the nearest float.</summary>
    /// <param name="file">The file.</param>
    /// <param name="type">F32, F16, BF16 or F64.</param>
    /// <param name="offset">Where the number 0 lies in the file.</param>
    /// <param name="start">The first number to read.</param>
    /// <param name="destination">Overwritten.</param>
    /// <exception cref="InvalidDataException">The file has since become shorter.</exception>
    public static void ReadFloats(this RawFile file, SafetensorsDType type, long offset, long start, Span<float> destination)
    {
        if (type.Raw() is { } raw)
        {
            file.ReadFloats(raw, offset, start, destination);
            return;
        }

        long position = offset + (start * sizeof(double));
        Span<double> buffer = stackalloc double[ConversionDoubles];
        while (!destination.IsEmpty)
        {
            Span<double> doubles = buffer[..Math.Min(ConversionDoubles, destination.Length)];
            file.Read(position, MemoryMarshal.AsBytes(doubles));
            for (int i = 0; i < doubles.Length; i++)
            {
                destination[i] = (float)doubles[i];
            }

            position += sizeof(double) * doubles.Length;
            destination = destination[doubles.Length..];
        }
    }
}
