namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>A tensor of a PyTorch file; it is known to lie within its storage, and the storage within the file.</summary>
internal sealed class PyTorchEntry : TensorEntry
{
    public PyTorchEntry(string name, TorchTensor tensor, long elementCount, long storagePosition)
        : base(name, tensor.Sizes, elementCount)
    {
        Elements = tensor.Storage.Elements;
        Strides = tensor.Strides;
        Position = storagePosition + (tensor.Offset * Elements.Size());
        IsContiguous = Follows(tensor.Sizes, tensor.Strides);
    }

    /// <summary>The type of the elements.</summary>
    public SafetensorsDType Elements { get; }

    /// <summary>How many elements of the storage lie from one index to the next, for each dimension.</summary>
    public long[] Strides { get; }

    /// <summary>Where the first element lies in the file, in bytes.</summary>
    public long Position { get; }

    /// <summary>Whether the elements lie one after another, row-major.</summary>
    public bool IsContiguous { get; }

    /// <inheritdoc/>
    public override string TypeName => Elements.Label();

    /// <inheritdoc/>
    public override bool IsReadableAsFloats => Elements.IsReadableAsFloats();

    /// <summary>How many elements of the storage lie from the first to the last, both included.</summary>
    public long Extent => ExtentOf(Shape, Strides, ElementCount);

    /// <summary>The same for any tensor whose numbers are known not to overflow.</summary>
    public static long ExtentOf(long[] sizes, long[] strides, long elementCount)
    {
        long extent = elementCount == 0 ? 0 : 1;
        for (int i = 0; i < sizes.Length && elementCount > 0; i++)
        {
            extent = checked(extent + ((sizes[i] - 1) * strides[i]));
        }

        return extent;
    }

    // The stride of a dimension of size 1 is never used, and PyTorch does not keep it tidy.
    private static bool Follows(long[] sizes, long[] strides)
    {
        long expected = 1;
        for (int i = sizes.Length - 1; i >= 0; i--)
        {
            if (sizes[i] != 1 && strides[i] != expected)
            {
                return Array.IndexOf(sizes, 0L) >= 0;
            }

            expected *= sizes[i];
        }

        return true;
    }
}
