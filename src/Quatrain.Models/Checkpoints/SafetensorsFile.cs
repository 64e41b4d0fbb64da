using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Quatrain.Models.Checkpoints;

/// <summary>An open safetensors file whose header has been checked in full; tensors are read from the disk when asked for.</summary>
/// <remarks>
/// Format: 8 bytes of header length, little-endian; a JSON header of names, types, shapes and places; the tensors' bytes,
/// little-endian and row-major (https://github.com/huggingface/safetensors). Needs a little-endian machine. Safe to use from many threads.
/// </remarks>
public sealed class SafetensorsFile : ITensorFile
{
    private const int LengthBytes = 8;

    // The reference implementation's limit.
    private const long LongestHeader = 100_000_000;
    private const int ConversionDoubles = 1 << 11;

    private readonly RawFile _file;
    private readonly long _dataStart;
    private readonly List<SafetensorsEntry> _entries;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsFile(
        RawFile file, long dataStart, List<SafetensorsEntry> entries, Dictionary<string, string> metadata)
    {
        _file = file;
        _dataStart = dataStart;
        _entries = entries;
        _byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        Metadata = metadata;
    }

    /// <summary>The file's path, as given to <see cref="Open"/>.</summary>
    public string Path => _file.Path;

    /// <summary>The tensors, in the order of their data.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => _entries;

    /// <inheritdoc/>
    IReadOnlyList<TensorEntry> ITensorFile.Entries => _entries;

    /// <summary>The file's free-form notes, for instance format = pt; empty where it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks everything its header says, before any tensor is read.</summary>
    /// <exception cref="InvalidDataException">The file breaks the format; the message names file, tensor and problem.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        RawFile file = RawFile.Open(path);
        try
        {
            byte[] header = ReadHeader(file);
            long dataStart = LengthBytes + header.Length;
            (List<SafetensorsEntry> entries, Dictionary<string, string> metadata) =
                SafetensorsHeader.Parse(header, file.Length - dataStart, path);
            return new SafetensorsFile(file, dataStart, entries, metadata);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Finds the tensor called <paramref name="name"/>.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out SafetensorsEntry? entry) =>
        _byName.TryGetValue(name, out entry);

    /// <inheritdoc/>
    bool ITensorFile.TryGet(string name, [NotNullWhen(true)] out TensorEntry? entry)
    {
        bool found = TryGet(name, out SafetensorsEntry? own);
        entry = own;
        return found;
    }

    /// <summary>Reads a tensor of F32, F16, BF16 or F64 elements as floats, each the nearest float to the stored number.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">Overwritten; one float an element, row-major.</param>
    /// <exception cref="ArgumentException">The destination's length is not the element count, or the entry is another file's.</exception>
    /// <exception cref="InvalidDataException">The elements are of another type, or the file has since become shorter.</exception>
    public void ReadFloats(SafetensorsEntry entry, Span<float> destination)
    {
        RequireOwn(entry);
        RequireLength(destination.Length, entry.ElementCount, "floats");
        ReadFloatRange(entry, 0, destination);
    }

    /// <inheritdoc/>
    public void ReadFloatRange(TensorEntry entry, long start, Span<float> destination) => ReadFloatRange(RequireOwn(entry), start, destination);

    private void ReadFloatRange(SafetensorsEntry entry, long start, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, entry.ElementCount - destination.Length);
        if (!entry.DType.IsReadableAsFloats())
        {
            throw Unreadable(entry, $"holds {entry.DType.Label()} elements, but only F32, F16, BF16 and F64 can be read as weights; "
                + "export the file again with floating-point weights");
        }

        if (RawType(entry) is { } type)
        {
            _file.ReadFloats(type, _dataStart + entry.Begin, start, destination);
            return;
        }

        long position = _dataStart + entry.Begin + (start * sizeof(double));
        Span<double> buffer = stackalloc double[ConversionDoubles];
        while (!destination.IsEmpty)
        {
            Span<double> doubles = buffer[..Math.Min(ConversionDoubles, destination.Length)];
            _file.Read(position, MemoryMarshal.AsBytes(doubles));
            for (int i = 0; i < doubles.Length; i++)
            {
                destination[i] = (float)doubles[i];
            }

            position += sizeof(double) * doubles.Length;
            destination = destination[doubles.Length..];
        }
    }

    /// <summary>Reads a tensor's bytes as they lie in the file, whatever their type.</summary>
    /// <param name="entry">A tensor of this file.</param>
    /// <param name="destination">Overwritten; <see cref="SafetensorsEntry.ByteCount"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination's length is not the byte count, or the entry is another file's.</exception>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened.</exception>
    public void ReadBytes(SafetensorsEntry entry, Span<byte> destination)
    {
        RequireOwn(entry);
        RequireLength(destination.Length, entry.ByteCount, "bytes");
        _file.Read(_dataStart + entry.Begin, destination);
    }

    /// <inheritdoc/>
    public FileRegion? Locate(TensorEntry entry)
    {
        SafetensorsEntry own = RequireOwn(entry);
        return RawType(own) is { } type ? new FileRegion(Path, _dataStart + own.Begin, own.ByteCount, type) : null;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static RawElementType? RawType(SafetensorsEntry entry) => entry.DType switch
    {
        SafetensorsDType.F32 => RawElementType.F32,
        SafetensorsDType.F16 => RawElementType.F16,
        SafetensorsDType.BF16 => RawElementType.BF16,
        _ => null,
    };

    private static byte[] ReadHeader(RawFile file)
    {
        (string path, long fileLength) = (file.Path, file.Length);
        Span<byte> prefix = stackalloc byte[LengthBytes];
        if (fileLength < LengthBytes)
        {
            throw SafetensorsHeader.Invalid(path, $"it holds only {fileLength} bytes, too few for a safetensors file");
        }

        file.Read(0, prefix);
        if (prefix.SequenceEqual("version "u8))
        {
            throw new InvalidDataException(
                $"Cannot read '{path}': it looks like a Git LFS pointer, not the weights; run 'git lfs pull' or download the file itself.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeader)
        {
            throw SafetensorsHeader.Invalid(path,
                $"it claims a header of {length} bytes (at most {LongestHeader} are allowed), so it is damaged or no safetensors file");
        }

        if (length > (ulong)(fileLength - LengthBytes))
        {
            throw SafetensorsHeader.Invalid(path,
                $"it claims a header of {length} bytes but ends {fileLength - LengthBytes} bytes after the claim, "
                + "so it is cut short or no safetensors file");
        }

        byte[] header = new byte[length];
        file.Read(LengthBytes, header);
        return header;
    }

    private SafetensorsEntry RequireOwn(TensorEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _byName.TryGetValue(entry.Name, out SafetensorsEntry? own) && ReferenceEquals(own, entry)
            ? own
            : throw new ArgumentException($"Tensor {TensorText.Quote(entry.Name)} is not an entry of this file.", nameof(entry));
    }

    private static void RequireLength(int length, long expected, string unit)
    {
        if (length != expected)
        {
            throw new ArgumentException($"The destination holds {length} {unit}, but the tensor has {expected}.", "destination");
        }
    }

    private InvalidDataException Unreadable(SafetensorsEntry entry, string problem) =>
        new($"Cannot use '{Path}': tensor {TensorText.Quote(entry.Name)} {problem}.");
}
