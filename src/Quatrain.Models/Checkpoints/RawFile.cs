using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Quatrain.Models.Checkpoints;

/// <summary>An open file of which parts are read by their place. Safe to use from many threads.</summary>
/// <remarks>Reads are positioned rather than memory-mapped, so a file that shrinks while it is read is an error and not a crash.</remarks>
internal sealed class RawFile : IDisposable
{
    private const int ChunkBytes = 1 << 24;
    private const int ConversionBytes = 1 << 14;
    private const int MostBlockLength = RawElements.Q8Block;

    private readonly SafeFileHandle _handle;

    private RawFile(string path, SafeFileHandle handle, long length) => (Path, _handle, Length) = (path, handle, length);

    /// <summary>The file's path, as given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>The bytes it held when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens the file at <paramref name="path"/>.</summary>
    /// <exception cref="InvalidDataException">It is a pipe or a device.</exception>
    /// <exception cref="IOException">It is absent or cannot be read.</exception>
    public static RawFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RequireLittleEndian();
        if (Directory.Exists(path))
        {
            throw new IOException($"Cannot read '{path}': it is a folder; name the file in it.");
        }

        // Delete sharing, so that an open checkpoint can be replaced by a newer one on Windows too.
        SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            return new RawFile(path, handle, RandomAccess.GetLength(handle));
        }
        catch (NotSupportedException error)
        {
            handle.Dispose();
            throw new InvalidDataException($"Cannot read '{path}': it is a pipe or device; save it as a file first.", error);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads as many bytes as <paramref name="destination"/> holds from <paramref name="position"/> on.</summary>
    /// <exception cref="InvalidDataException">The file ends before.</exception>
    public void Read(long position, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        while (!destination.IsEmpty)
        {
            int count = RandomAccess.Read(_handle, destination, position);
            if (count == 0)
            {
                throw new InvalidDataException(
                    $"Cannot read '{Path}': it became shorter while it was read; stop what writes to it and try again.");
            }

            position += count;
            destination = destination[count..];
        }
    }

    /// <summary>Reads numbers from the one numbered <paramref name="start"/> on, as many as <paramref name="destination"/> holds.</summary>
    /// <param name="type">How they are stored.</param>
    /// <param name="offset">Where the number 0 lies in the file.</param>
    /// <param name="start">The first number to read.</param>
    /// <param name="destination">Overwritten.</param>
    /// <exception cref="InvalidDataException">The file ends before.</exception>
    public void ReadFloats(RawElementType type, long offset, long start, Span<float> destination)
    {
        if (type == RawElementType.F32)
        {
            ReadSingles(offset + (start * sizeof(float)), destination);
            return;
        }

        int length = type.BlockLength();
        Span<byte> bytes = stackalloc byte[ConversionBytes];
        Span<float> block = stackalloc float[MostBlockLength];
        while (!destination.IsEmpty)
        {
            long position = offset + (start / length * type.BlockBytes());
            int skipped = (int)(start % length);
            if (skipped > 0 || destination.Length < length)
            {
                // Part of a block.
                int taken = Math.Min(length - skipped, destination.Length);
                Span<byte> one = bytes[..type.BlockBytes()];
                Read(position, one);
                RawElements.Decode(type, one, block[..length]);
                block.Slice(skipped, taken).CopyTo(destination);
                destination = destination[taken..];
                start += taken;
                continue;
            }

            int blocks = Math.Min(ConversionBytes / type.BlockBytes(), destination.Length / length);
            Span<byte> several = bytes[..(blocks * type.BlockBytes())];
            Read(position, several);
            RawElements.Decode(type, several, destination[..(blocks * length)]);
            destination = destination[(blocks * length)..];
            start += blocks * length;
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    /// <summary>Refuses machines on which the bytes of a float lie the other way round than in the file.</summary>
    internal static void RequireLittleEndian()
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Files of weights can be read and written on little-endian machines only.");
        }
    }

    private void ReadSingles(long position, Span<float> destination)
    {
        // In chunks, because the bytes of a large span are more than a span can count.
        const int ChunkFloats = ChunkBytes / sizeof(float);
        for (Span<float> rest = destination; !rest.IsEmpty; rest = rest[Math.Min(ChunkFloats, rest.Length)..])
        {
            Span<byte> bytes = MemoryMarshal.AsBytes(rest[..Math.Min(ChunkFloats, rest.Length)]);
            Read(position, bytes);
            position += bytes.Length;
        }
    }
}
