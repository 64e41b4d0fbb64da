using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Quatrain.Models.Checkpoints;

/// <summary>An open safetensors file whose header has been checked in full; tensors are read from the disk when asked for.</summary>
/// <remarks>
/// Format: 8 bytes of header length, little-endian; a JSON header of names, types, shapes and places; the tensors' bytes,
/// little-endian and row-major (https://github.com/huggingface/safetensors). Needs a little-endian machine. Reads are positioned
/// rather than memory-mapped, so a file that shrinks while it is read is an error and not a crash. Safe to use from many threads.
/// </remarks>
public sealed class SafetensorsFile : ITensorFile
{
    private const int LengthBytes = 8;

    // The reference implementation's limit.
    private const long LongestHeader = 100_000_000;
    private const int ChunkFloats = 1 << 22;
    private const int ConversionBytes = 1 << 14;

    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private readonly long _dataStart;
    private readonly List<SafetensorsEntry> _entries;
    private readonly Dictionary<string, SafetensorsEntry> _byName;

    private SafetensorsFile(
        string path, SafeFileHandle handle, long dataStart, List<SafetensorsEntry> entries, Dictionary<string, string> metadata)
    {
        _path = path;
        _handle = handle;
        _dataStart = dataStart;
        _entries = entries;
        _byName = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        Metadata = metadata;
    }

    /// <summary>The file's path, as given to <see cref="Open"/>.</summary>
    public string Path => _path;

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
        ArgumentException.ThrowIfNullOrEmpty(path);
        RequireLittleEndian();
        if (Directory.Exists(path))
        {
            throw new IOException($"Cannot read '{path}': it is a folder; name the .safetensors file in it.");
        }

        // Delete sharing, so that an open checkpoint can be replaced by a newer one on Windows too.
        SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            long fileLength = LengthOf(handle, path);
            byte[] header = ReadHeader(handle, fileLength, path);
            long dataStart = LengthBytes + header.Length;
            (List<SafetensorsEntry> entries, Dictionary<string, string> metadata) =
                SafetensorsHeader.Parse(header, fileLength - dataStart, path);
            return new SafetensorsFile(path, handle, dataStart, entries, metadata);
        }
        catch
        {
            handle.Dispose();
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

        int size = entry.DType.Size();
        long position = entry.Begin + (start * size);
        if (entry.DType == SafetensorsDType.F32)
        {
            // In chunks, because the bytes of a large span are more than a span can count.
            for (Span<float> rest = destination; !rest.IsEmpty; rest = rest[Math.Min(ChunkFloats, rest.Length)..])
            {
                Span<byte> bytes = MemoryMarshal.AsBytes(rest[..Math.Min(ChunkFloats, rest.Length)]);
                ReadData(position, bytes);
                position += bytes.Length;
            }

            return;
        }

        Span<byte> buffer = stackalloc byte[ConversionBytes];
        for (Span<float> rest = destination; !rest.IsEmpty;)
        {
            int count = Math.Min(ConversionBytes / size, rest.Length);
            Span<byte> bytes = buffer[..(count * size)];
            ReadData(position, bytes);
            Convert(bytes, entry.DType, rest[..count]);
            position += bytes.Length;
            rest = rest[count..];
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
        ReadData(entry.Begin, destination);
    }

    /// <inheritdoc/>
    public FileRegion? Locate(TensorEntry entry)
    {
        SafetensorsEntry own = RequireOwn(entry);
        RawElementType? type = own.DType switch
        {
            SafetensorsDType.F32 => RawElementType.F32,
            SafetensorsDType.F16 => RawElementType.F16,
            SafetensorsDType.BF16 => RawElementType.BF16,
            _ => null,
        };
        return type is { } raw ? new FileRegion(_path, _dataStart + own.Begin, own.ByteCount, raw) : null;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    /// <summary>Refuses machines on which the bytes of a float lie the other way round than in the file.</summary>
    internal static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Safetensors files can be read and written on little-endian machines only.");
        }
    }

    private static long LengthOf(SafeFileHandle handle, string path)
    {
        try
        {
            return RandomAccess.GetLength(handle);
        }
        catch (NotSupportedException error)
        {
            throw new InvalidDataException($"Cannot read '{path}': it is a pipe or device; save it as a file first.", error);
        }
    }

    private static byte[] ReadHeader(SafeFileHandle handle, long fileLength, string path)
    {
        Span<byte> prefix = stackalloc byte[LengthBytes];
        if (fileLength < LengthBytes)
        {
            throw SafetensorsHeader.Invalid(path, $"it holds only {fileLength} bytes, too few for a safetensors file");
        }

        Read(handle, 0, prefix, path);
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
        Read(handle, LengthBytes, header, path);
        return header;
    }

    private static void Read(SafeFileHandle handle, long position, Span<byte> destination, string path)
    {
        while (!destination.IsEmpty)
        {
            int count = RandomAccess.Read(handle, destination, position);
            if (count == 0)
            {
                throw new InvalidDataException(
                    $"Cannot read '{path}': it became shorter while it was read; stop what writes to it and try again.");
            }

            position += count;
            destination = destination[count..];
        }
    }

    private static void Convert(ReadOnlySpan<byte> source, SafetensorsDType type, Span<float> destination)
    {
        switch (type)
        {
            case SafetensorsDType.F16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (float)halves[i];
                }

                break;
            case SafetensorsDType.BF16:
                ReadOnlySpan<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)upperHalves[i] << 16);
                }

                break;
            default:
                ReadOnlySpan<double> doubles = MemoryMarshal.Cast<byte, double>(source);
                for (int i = 0; i < destination.Length; i++)
                {
                    destination[i] = (float)doubles[i];
                }

                break;
        }
    }

    private void ReadData(long position, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        Read(_handle, _dataStart + position, destination, _path);
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
        new($"Cannot use '{_path}': tensor {TensorText.Quote(entry.Name)} {problem}.");
}
