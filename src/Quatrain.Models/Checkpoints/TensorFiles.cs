namespace Quatrain.Models.Checkpoints;

/// <summary>Reads whole tensors from checkpoints of any format.</summary>
public static class TensorFiles
{
    /// <summary>Reads a whole tensor as floats and refuses one that holds NaN or an infinity.</summary>
    /// <param name="file">The checkpoint.</param>
    /// <param name="entry">A tensor of it.</param>
    /// <param name="destination">Overwritten; one float an element, row-major.</param>
    /// <exception cref="ArgumentException">The destination's length is not the element count, or the entry is another file's.</exception>
    /// <exception cref="InvalidDataException">
    /// As for <see cref="ITensorFile.ReadFloatRange"/>, or an element is not finite; the message names tensor and index.
    /// </exception>
    public static void ReadFiniteFloats(this ITensorFile file, TensorEntry entry, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(entry);
        if (destination.Length != entry.ElementCount)
        {
            throw new ArgumentException($"The destination holds {destination.Length} floats, but the tensor has {entry.ElementCount}.", nameof(destination));
        }

        file.ReadFiniteFloatRange(entry, 0, destination);
    }

    /// <summary>As <see cref="ReadFiniteFloats"/>, but only the elements from <paramref name="start"/> on, as many as the destination holds.</summary>
    /// <inheritdoc cref="ReadFiniteFloats" path="/exception"/>
    internal static void ReadFiniteFloatRange(this ITensorFile file, TensorEntry entry, long start, Span<float> destination)
    {
        file.ReadFloatRange(entry, start, destination);
        for (int i = 0; i < destination.Length; i++)
        {
            if (!float.IsFinite(destination[i]))
            {
                throw new InvalidDataException(
                    $"Cannot use '{file.Path}': tensor {TensorText.Quote(entry.Name)} of shape {TensorText.Shape(entry.Shape)} holds {destination[i]} at element {start + i}, "
                    + "so the weights are damaged or their training diverged; use another checkpoint.");
            }
        }
    }
}
