using System.Diagnostics.CodeAnalysis;

namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>An open file of torch.save: a state_dict such as pytorch_model.bin, or a dictionary that has one under "model", as nanoGPT's ckpt.pt.</summary>
/// <remarks>
/// Reads zip archives (torch 1.6 and later) and the older files without one. The pickle that describes the tensors is read by a machine that knows
/// little more than dictionaries and tensors, so no file can run anything. Only the tensors of the state_dict are looked for; an optimizer's are
/// passed over. Safe to use from many threads.
/// </remarks>
public sealed class PyTorchFile : ITensorFile
{
    private const string ModelKey = "model";

    // Tied weights count twice; a file of views of a few numbers could claim any size.
    private const int MostUsesOfAByte = 4;

    private readonly RawFile _file;
    private readonly List<PyTorchEntry> _entries = [];
    private readonly Dictionary<string, PyTorchEntry> _byName = new(StringComparer.Ordinal);

    private PyTorchFile(RawFile file, PickledDictionary root)
    {
        _file = file;
        Root = root;
    }

    /// <inheritdoc/>
    public string Path => _file.Path;

    /// <inheritdoc/>
    public IReadOnlyList<TensorEntry> Entries => _entries;

    /// <summary>Everything that was saved.</summary>
    internal PickledDictionary Root { get; }

    /// <summary>Opens a file and checks that the tensors of its state_dict lie within it, before any of them is read.</summary>
    /// <exception cref="InvalidDataException">
    /// The file is damaged, cut short, not PyTorch's, TorchScript's, compressed, or asks for anything but tensors and plain values; the message says what.
    /// </exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static PyTorchFile Open(string path)
    {
        RawFile file = RawFile.Open(path);
        try
        {
            ITorchContainer container = OpenContainer(file);
            if (container.Root is not PickledDictionary root)
            {
                throw Invalid(path, "what was saved is not a dictionary; save the model's state_dict");
            }

            PyTorchFile torch = new(file, root);
            torch.AddEntries(container, root.TryGet(ModelKey, out PickledDictionary? model) ? model : root);
            return torch;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file begins as those of torch.save do.</summary>
    internal static bool HasHead(ReadOnlySpan<byte> head) => ZipDirectory.IsZip(head) || TorchLegacyFile.IsLegacy(head);

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry)
    {
        bool found = _byName.TryGetValue(name, out PyTorchEntry? own);
        entry = own;
        return found;
    }

    /// <inheritdoc/>
    public void ReadFloatRange(TensorEntry entry, long start, Span<float> destination)
    {
        PyTorchEntry own = RequireOwn(entry);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, own.ElementCount - destination.Length);
        if (!own.IsReadableAsFloats)
        {
            throw new InvalidDataException(
                $"Cannot use '{Path}': tensor {TensorText.Quote(own.Name)} holds {own.TypeName} elements, but only F32, F16, BF16 and F64 can be read as weights; "
                + "save it again with floating-point weights.");
        }

        if (own.IsContiguous)
        {
            _file.ReadFloats(own.Elements, own.Position, start, destination);
        }
        else
        {
            Gather(own, start, destination);
        }
    }

    /// <inheritdoc/>
    public FileRegion? Locate(TensorEntry entry)
    {
        PyTorchEntry own = RequireOwn(entry);
        return own.IsContiguous && own.Elements.Raw() is { } type
            ? new FileRegion(Path, own.Position, own.ElementCount * own.Elements.Size(), type)
            : null;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>The error for a file that cannot be read.</summary>
    internal static InvalidDataException Invalid(string path, string problem) =>
        new($"Cannot read '{path}': {problem}; use a complete file that torch.save wrote.");

    private static ITorchContainer OpenContainer(RawFile file)
    {
        Span<byte> head = stackalloc byte[(int)Math.Min(16, file.Length)];
        file.Read(0, head);
        if (head.StartsWith("version "u8))
        {
            throw new InvalidDataException(
                $"Cannot read '{file.Path}': it looks like a Git LFS pointer, not the weights; run 'git lfs pull' or download the file itself.");
        }

        return ZipDirectory.IsZip(head) ? TorchArchive.Open(file)
            : TorchLegacyFile.IsLegacy(head) ? TorchLegacyFile.Open(file)
            : throw Invalid(file.Path, "it does not begin as a file of torch.save does");
    }

    private void AddEntries(ITorchContainer container, PickledDictionary tensors)
    {
        if (tensors.OtherKeyCount > 0)
        {
            throw Invalid(Path, "the names of some of its tensors are not text");
        }

        Dictionary<string, long> positions = new(StringComparer.Ordinal);
        double claimed = 0;
        foreach ((string name, object? value) in tensors.Items)
        {
            if (value is not TorchTensor tensor)
            {
                throw Invalid(Path, $"{TensorText.Quote(name)} in it is not a tensor, so it is neither a state_dict nor has one under '{ModelKey}'");
            }

            long count = CountWithin(name, tensor);
            if (!positions.TryGetValue(tensor.Storage.Key, out long position))
            {
                position = container.Locate(tensor.Storage);
                positions.Add(tensor.Storage.Key, position);
            }

            PyTorchEntry entry = new(name, tensor, count, position);
            claimed += (double)count * entry.Elements.Size();
            _entries.Add(entry);
            _byName.Add(name, entry);
        }

        if (_entries.Count == 0)
        {
            throw Invalid(Path, "it holds no tensors");
        }

        if (claimed > (double)MostUsesOfAByte * _file.Length)
        {
            throw Invalid(Path, $"its tensors take {claimed:N0} bytes, though the file has only {_file.Length:N0}");
        }

        _entries.Sort((left, right) => left.Position.CompareTo(right.Position));
    }

    // That the storage has as many elements as it claims is the container's part.
    private long CountWithin(string name, TorchTensor tensor)
    {
        try
        {
            long count = 1;
            foreach (long size in tensor.Sizes)
            {
                count = checked(count * size);
            }

            long extent = PyTorchEntry.ExtentOf(tensor.Sizes, tensor.Strides, count);
            if (checked(tensor.Offset + extent) <= tensor.Storage.Count && count <= tensor.Storage.Count)
            {
                return count;
            }
        }
        catch (OverflowException)
        {
            // As impossible as any other size beyond the storage's.
        }

        throw Invalid(
            Path, $"tensor {TensorText.Quote(name)} of shape {TensorText.Shape(tensor.Sizes)} does not fit the {tensor.Storage.Count} elements of its storage");
    }

    // Reads the part of the storage that the elements lie in, and picks them out of it.
    private void Gather(PyTorchEntry entry, long start, Span<float> destination)
    {
        if (entry.Extent > Array.MaxLength)
        {
            throw Invalid(Path, $"tensor {TensorText.Quote(entry.Name)} is too large to be put in order; save it contiguous");
        }

        float[] stored = new float[entry.Extent];
        _file.ReadFloats(entry.Elements, entry.Position, 0, stored);
        long[] index = new long[entry.Shape.Length];
        long place = 0;
        for (int i = index.Length - 1; i >= 0; i--)
        {
            (start, index[i]) = Math.DivRem(start, entry.Shape[i]);
            place += index[i] * entry.Strides[i];
        }

        foreach (ref float element in destination)
        {
            element = stored[place];
            for (int i = index.Length - 1; i >= 0; i--)
            {
                place += entry.Strides[i];
                if (++index[i] < entry.Shape[i])
                {
                    break;
                }

                place -= index[i] * entry.Strides[i];
                index[i] = 0;
            }
        }
    }

    private PyTorchEntry RequireOwn(TensorEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _byName.TryGetValue(entry.Name, out PyTorchEntry? own) && ReferenceEquals(own, entry)
            ? own
            : throw new ArgumentException($"Tensor {TensorText.Quote(entry.Name)} is not an entry of this file.", nameof(entry));
    }
}
