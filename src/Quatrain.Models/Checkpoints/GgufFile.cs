using System.Diagnostics.CodeAnalysis;

namespace Quatrain.Models.Checkpoints;

/// <summary>An open GGUF file whose head has been checked in full; tensors and arrays are read from the disk when asked for.</summary>
/// <remarks>
/// Format, little-endian: "GGUF", version (2 or 3), counts of tensors and metadata; the metadata; each tensor's name, sizes (innermost first), type and
/// place; the data at a multiple of the alignment (github.com/ggml-org/ggml, docs/gguf.md). Safe to use from many threads.
/// </remarks>
internal sealed class GgufFile : ITensorFile
{
    /// <summary>The file's first four bytes.</summary>
    public static ReadOnlySpan<byte> Magic => "GGUF"u8;

    /// <summary>The name of the metadata value that says to what multiple of bytes tensors are aligned.</summary>
    public const string AlignmentKey = "general.alignment";

    /// <summary>The alignment where the metadata say nothing.</summary>
    public const int DefaultAlignment = 32;

    private const uint OldestVersion = 2;
    private const uint NewestVersion = 3;
    private const int MostTensors = 100_000;
    private const int MostDimensions = 4;
    private const int LongestName = 64;
    private const int LargestAlignment = 1 << 20;

    private readonly RawFile _file;
    private readonly Dictionary<string, GgufEntry> _byName;
    private readonly List<GgufEntry> _entries;

    private GgufFile(RawFile file, GgufMetadata metadata, List<GgufEntry> entries)
    {
        _file = file;
        Metadata = metadata;
        _entries = entries;
        _byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public string Path => _file.Path;

    /// <summary>The metadata.</summary>
    public GgufMetadata Metadata { get; }

    /// <inheritdoc/>
    public IReadOnlyList<TensorEntry> Entries => _entries;

    /// <summary>Opens a file and checks everything its head says.</summary>
    /// <exception cref="InvalidDataException">The file breaks the format, or is of a version that is not known; the message says which and where.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static GgufFile Open(string path)
    {
        RawFile file = RawFile.Open(path);
        try
        {
            GgufReader reader = new(file);
            ReadVersion(reader);
            ulong tensorCount = reader.UInt64();
            GgufMetadata metadata = GgufMetadata.Read(reader, reader.UInt64());
            List<GgufEntry> entries = ReadEntries(reader, tensorCount);
            return new GgufFile(file, metadata, Place(reader, entries, Alignment(reader, metadata), file.Length));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A reader of this file, for the arrays of its metadata.</summary>
    public GgufReader NewReader() => new(_file);

    /// <inheritdoc/>
    public bool TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry)
    {
        bool found = _byName.TryGetValue(name, out GgufEntry? own);
        entry = own;
        return found;
    }

    /// <inheritdoc/>
    public void ReadFloatRange(TensorEntry entry, long start, Span<float> destination)
    {
        GgufEntry own = RequireOwn(entry);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, entry.ElementCount - destination.Length);
        if (own.RawType is not { } type)
        {
            throw new InvalidDataException(
                $"Cannot use '{Path}': tensor {TensorText.Quote(own.Name)} holds {own.TypeName} elements, but only F32, F16, BF16 and Q8_0 can be read as weights; "
                + "use a file of one of these types.");
        }

        _file.ReadFloats(type, own.Offset, start, destination);
    }

    /// <inheritdoc/>
    public FileRegion? Locate(TensorEntry entry)
    {
        GgufEntry own = RequireOwn(entry);
        return own.RawType is { } type ? new FileRegion(Path, own.Offset, own.ByteCount, type) : null;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static void ReadVersion(GgufReader reader)
    {
        Span<byte> magic = stackalloc byte[4];
        foreach (ref byte value in magic)
        {
            value = reader.Byte();
        }

        if (!magic.SequenceEqual(Magic))
        {
            throw reader.Invalid("it does not begin with 'GGUF', so it is damaged or no GGUF file");
        }

        uint version = reader.UInt32();
        if (version is < OldestVersion or > NewestVersion)
        {
            bool isBigEndian = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(version) is >= OldestVersion and <= NewestVersion;
            throw reader.Invalid(isBigEndian
                ? "it is big-endian, and only little-endian files can be read"
                : $"it is of GGUF version {version}, and only the versions {OldestVersion} and {NewestVersion} can be read");
        }
    }

    private static long Alignment(GgufReader reader, GgufMetadata metadata)
    {
        if (!metadata.Has(AlignmentKey))
        {
            return DefaultAlignment;
        }

        return metadata.TryInteger(AlignmentKey, out long alignment) && alignment is > 0 and <= LargestAlignment && long.IsPow2(alignment)
            ? alignment
            : throw reader.Invalid($"its {AlignmentKey} is not a power of two up to {LargestAlignment}");
    }

    private static List<GgufEntry> ReadEntries(GgufReader reader, ulong count)
    {
        if (count > MostTensors)
        {
            throw reader.Invalid($"it claims {count} tensors, more than the {MostTensors} allowed");
        }

        HashSet<string> names = new(StringComparer.Ordinal);
        List<GgufEntry> entries = [];
        for (ulong i = 0; i < count; i++)
        {
            string name = reader.Text(LongestName, "the name of a tensor");
            if (!names.Add(name))
            {
                throw reader.Invalid($"it has two tensors called {TensorText.Quote(name)}");
            }

            entries.Add(ReadEntry(reader, name));
        }

        return entries;
    }

    private static GgufEntry ReadEntry(GgufReader reader, string name)
    {
        uint dimensions = reader.UInt32();
        if (dimensions > MostDimensions)
        {
            throw InvalidTensor(reader, name, $"has {dimensions} dimensions, more than the {MostDimensions} allowed");
        }

        // Innermost first in the file.
        long[] shape = new long[dimensions];
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            ulong size = reader.UInt64();
            shape[i] = size <= long.MaxValue ? (long)size : throw InvalidTensor(reader, name, $"has a dimension of {size}");
        }

        uint type = reader.UInt32();
        ulong offset = reader.UInt64();
        if (!GgufTypes.TryGet(type, out (string Label, int BlockLength, int BlockBytes) known))
        {
            throw InvalidTensor(reader, name, $"is of the type number {type}, which is not known here");
        }

        if (offset > long.MaxValue)
        {
            throw InvalidTensor(reader, name, $"begins at byte {offset} of the data, beyond any file");
        }

        long innermost = shape.Length == 0 ? 1 : shape[^1];
        if (innermost % known.BlockLength != 0)
        {
            throw InvalidTensor(reader, name, $"has rows of {innermost} elements, which {known.Label} can't store: its blocks are of {known.BlockLength}");
        }

        try
        {
            long elements = shape.Aggregate(1L, (product, size) => checked(product * size));
            long bytes = checked(elements / known.BlockLength * known.BlockBytes);
            return new GgufEntry(name, known.Label, GgufTypes.Raw(type), shape, elements, (long)offset, bytes);
        }
        catch (OverflowException)
        {
            throw InvalidTensor(reader, name, $"has the shape {TensorText.Shape(shape)}, which is larger than any file");
        }
    }

    /// <summary>The entries in the order of their data, with their places in the file, each within it and apart from the others.</summary>
    private static List<GgufEntry> Place(GgufReader reader, List<GgufEntry> entries, long alignment, long fileLength)
    {
        long dataStart = (reader.Position + alignment - 1) / alignment * alignment;
        List<GgufEntry> placed = [];
        long end = 0;
        foreach (GgufEntry entry in entries.OrderBy(entry => entry.Offset).ThenBy(entry => entry.ByteCount))
        {
            if (entry.Offset % alignment != 0)
            {
                throw InvalidTensor(reader, entry.Name, $"begins at byte {entry.Offset} of the data, which is no multiple of the alignment of {alignment}");
            }

            if (entry.Offset < end)
            {
                throw InvalidTensor(reader, entry.Name, $"begins at byte {entry.Offset} of the data, inside the tensor before it");
            }

            if (entry.ByteCount > fileLength - dataStart - entry.Offset)
            {
                throw reader.Invalid(
                    $"it is cut short: tensor {TensorText.Quote(entry.Name)} takes {entry.ByteCount} bytes from byte {entry.Offset} of the data on, but the file holds only {Math.Max(0, fileLength - dataStart)} bytes of data");
            }

            end = entry.Offset + entry.ByteCount;
            placed.Add(new GgufEntry(entry.Name, entry.TypeName, entry.RawType, entry.Shape, entry.ElementCount, dataStart + entry.Offset, entry.ByteCount));
        }

        return placed;
    }

    private GgufEntry RequireOwn(TensorEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _byName.TryGetValue(entry.Name, out GgufEntry? own) && ReferenceEquals(own, entry)
            ? own
            : throw new ArgumentException($"Tensor {TensorText.Quote(entry.Name)} is not an entry of this file.", nameof(entry));
    }

    private static InvalidDataException InvalidTensor(GgufReader reader, string name, string problem) =>
        reader.Invalid($"its tensor {TensorText.Quote(name)} {problem}");
}
