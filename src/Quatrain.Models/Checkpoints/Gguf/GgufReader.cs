using System.Buffers.Binary;
using System.Text;

namespace Quatrain.Models.Checkpoints.Gguf;

/// <summary>Walks over the head of a GGUF file, front to back, with a small window on it.</summary>
internal sealed class GgufReader(RawFile file)
{
    private const int WindowBytes = 1 << 16;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _window = new byte[WindowBytes];
    private long _windowStart;
    private int _windowLength;

    /// <summary>The next byte to be read, from the start of the file.</summary>
    public long Position { get; private set; }

    /// <summary>The bytes after <see cref="Position"/>.</summary>
    public long Remaining => file.Length - Position;

    public byte Byte() => Take(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    /// <summary>A text of at most <paramref name="most"/> bytes.</summary>
    public string Text(int most, string what) => Text(most, () => what);

    /// <summary>As <see cref="Text(int, string)"/>, for one of many: what it is is asked for only where something is wrong with it.</summary>
    public string Text(int most, Func<string> what)
    {
        ulong length = UInt64();
        if (length > (ulong)Remaining)
        {
            throw Truncated();
        }

        if (length > (ulong)most)
        {
            throw Invalid($"{what()} at byte {Position} is {length} bytes long, more than the {most} allowed");
        }

        byte[]? large = length > WindowBytes ? new byte[length] : null;
        if (large is not null)
        {
            file.Read(Position, large);
            Position += large.Length;
        }

        try
        {
            return StrictUtf8.GetString(large ?? Take((int)length));
        }
        catch (DecoderFallbackException)
        {
            throw Invalid($"{what()} before byte {Position} is not valid UTF-8");
        }
    }

    /// <summary>Goes on <paramref name="bytes"/> further.</summary>
    public void Skip(ulong bytes)
    {
        if (bytes > (ulong)Remaining)
        {
            throw Truncated();
        }

        Position += (long)bytes;
    }

    /// <summary>Goes to a byte of the file.</summary>
    public void MoveTo(long position) => Position = position;

    /// <summary>The error for a file that breaks the format.</summary>
    public InvalidDataException Invalid(string problem) =>
        new($"Cannot read '{file.Path}': {problem}; download or export the file again.");

    private InvalidDataException Truncated() => Invalid($"it is cut short or damaged: what it claims at byte {Position} goes beyond its end at byte {file.Length}");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Remaining)
        {
            throw Truncated();
        }

        if (Position < _windowStart || Position + count > _windowStart + _windowLength)
        {
            _windowStart = Position;
            _windowLength = (int)Math.Min(WindowBytes, Remaining);
            file.Read(_windowStart, _window.AsSpan(0, _windowLength));
        }

        ReadOnlySpan<byte> taken = _window.AsSpan((int)(Position - _windowStart), count);
        Position += count;
        return taken;
    }
}
