using System.Diagnostics.CodeAnalysis;

namespace Quatrain.Models.Checkpoints;

/// <summary>An open checkpoint of named tensors, whatever its format. Everything its head says has been checked; elements are read when asked for.</summary>
/// <remarks>Implementations are safe to use from many threads.</remarks>
public interface ITensorFile : IDisposable
{
    /// <summary>The path the file was opened by, for messages.</summary>
    string Path { get; }

    /// <summary>The tensors, in the order of their data.</summary>
    IReadOnlyList<TensorEntry> Entries { get; }

    /// <summary>Finds the tensor called <paramref name="name"/>.</summary>
    bool TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry);

    /// <summary>
    /// Reads the elements from <paramref name="start"/> on, as many as <paramref name="destination"/> holds, row-major, each as the nearest float to
    /// the stored number.
    /// </summary>
    /// <exception cref="ArgumentException">The tensor has not that many elements, or the entry is another file's.</exception>
    /// <exception cref="InvalidDataException">The elements are of a type that is no number with a fraction, or the file has since become shorter.</exception>
    void ReadFloatRange(TensorEntry entry, long start, Span<float> destination);

    /// <summary>Where the elements lie, or null where they are not raw numbers one after another in one file.</summary>
    /// <exception cref="ArgumentException">The entry is another file's.</exception>
    FileRegion? Locate(TensorEntry entry);
}
