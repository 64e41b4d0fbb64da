using System.Buffers.Binary;
using System.Text;

namespace Quatrain.Models.Checkpoints.PyTorch;

/// <summary>One member of a zip file, as its central directory describes it.</summary>
/// <param name="Name">The path within the archive.</param>
/// <param name="HeaderOffset">Where its local header begins.</param>
/// <param name="Limit">Where the next local header, or the central directory, begins.</param>
/// <param name="Size">The length of its content, as it lies in the file.</param>
/// <param name="IsStored">Whether the content lies there as it is, not compressed.</param>
internal sealed record ZipMember(string Name, long HeaderOffset, long Limit, long Size, bool IsStored);

/// <summary>The table of contents of a zip file, for members that are stored as they are.</summary>
/// <remarks>
/// Written for archives of torch.save: a file with members that are encrypted, named twice or overlapping is refused, and so is reading a
/// compressed one; no member can hold more than the file does. Knows zip64. Source: PKWARE's APPNOTE.TXT, sections 4.3.7 to 4.3.16 and 4.5.3.
/// </remarks>
internal sealed class ZipDirectory
{
    private const int LocalHeaderBytes = 30;
    private const int CentralHeaderBytes = 46;
    private const int EndBytes = 22;
    private const int LocatorBytes = 20;
    private const int End64Bytes = 56;
    private const int LongestComment = ushort.MaxValue;
    private const int LargestDirectory = 1 << 24;
    private const int MostMembers = 1 << 16;
    private const ushort Encrypted = 1;
    private const ushort Zip64Extra = 1;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly RawFile _file;
    private readonly Dictionary<string, ZipMember> _members = new(StringComparer.Ordinal);

    private ZipDirectory(RawFile file) => _file = file;

    /// <summary>All members.</summary>
    public IEnumerable<ZipMember> Members => _members.Values;

    /// <summary>Whether a file begins as zip files do.</summary>
    public static bool IsZip(ReadOnlySpan<byte> head) => head.StartsWith("PK\x03\x04"u8);

    /// <summary>Reads the table of contents.</summary>
    /// <exception cref="InvalidDataException">The file is no zip file of that kind; the message says what is wrong.</exception>
    public static ZipDirectory Read(RawFile file)
    {
        ZipDirectory directory = new(file);
        (long offset, long length, long count) = directory.FindDirectory();
        directory.ReadMembers(file.ReadBytes(offset, (int)length), count, offset);
        return directory;
    }

    /// <summary>The member of that name, or null.</summary>
    public ZipMember? Find(string name) => _members.GetValueOrDefault(name);

    /// <summary>Where the content of <paramref name="member"/> begins; its local header is checked for that.</summary>
    /// <exception cref="InvalidDataException">It is compressed, its local header is damaged, or it reaches into the next member.</exception>
    public long Locate(ZipMember member)
    {
        if (!member.IsStored)
        {
            throw Invalid(
                $"its member {TensorText.Quote(member.Name)} is compressed, which PyTorch's own files never are; save it again with torch.save");
        }

        Span<byte> header = stackalloc byte[LocalHeaderBytes];
        if (member.Limit - member.HeaderOffset < LocalHeaderBytes)
        {
            throw Overlaps(member);
        }

        _file.Read(member.HeaderOffset, header);
        if (!IsZip(header))
        {
            throw Invalid($"its table of contents gives a wrong place for {TensorText.Quote(member.Name)}");
        }

        int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(header[26..]);
        int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(header[28..]);
        long start = member.HeaderOffset + LocalHeaderBytes + nameLength + extraLength;
        return start <= member.Limit - member.Size ? start : throw Overlaps(member);
    }

    private (long Offset, long Length, long Count) FindDirectory()
    {
        int tailLength = (int)Math.Min(_file.Length, EndBytes + LongestComment);
        long tailStart = _file.Length - tailLength;
        ReadOnlySpan<byte> tail = _file.ReadBytes(tailStart, tailLength);
        int end = tailLength - EndBytes;
        while (end >= 0 && !IsEnd(tail[end..]))
        {
            end--;
        }

        if (end < 0)
        {
            throw Invalid("it is cut short: the table of contents at the end of a zip file is not there");
        }

        ReadOnlySpan<byte> record = tail[end..];
        bool whole = BinaryPrimitives.ReadUInt16LittleEndian(record[4..]) is 0 or ushort.MaxValue
            && BinaryPrimitives.ReadUInt16LittleEndian(record[6..]) is 0 or ushort.MaxValue;
        long count = BinaryPrimitives.ReadUInt16LittleEndian(record[10..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(record[12..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(record[16..]);
        long limit = tailStart + end;
        if (end >= LocatorBytes && tail[(end - LocatorBytes)..].StartsWith("PK\x06\x07"u8))
        {
            long end64 = BinaryPrimitives.ReadInt64LittleEndian(tail[(end - LocatorBytes + 8)..]);
            limit -= LocatorBytes;
            if (end64 < 0 || end64 > limit - End64Bytes)
            {
                throw Invalid("its zip64 record lies outside the file");
            }

            ReadOnlySpan<byte> record64 = _file.ReadBytes(end64, End64Bytes);
            whole &= record64.StartsWith("PK\x06\x06"u8) && BinaryPrimitives.ReadUInt64LittleEndian(record64[16..]) == 0;
            count = BinaryPrimitives.ReadInt64LittleEndian(record64[32..]);
            length = BinaryPrimitives.ReadInt64LittleEndian(record64[40..]);
            offset = BinaryPrimitives.ReadInt64LittleEndian(record64[48..]);
            limit = end64;
        }

        if (!whole)
        {
            throw Invalid("it is one part of a split zip file, or damaged");
        }

        if (count is < 0 or > MostMembers || length is < 0 or > LargestDirectory || length < count * CentralHeaderBytes)
        {
            throw Invalid($"its table of contents claims {count} members in {length} bytes, at most {MostMembers} in {LargestDirectory} are read");
        }

        return offset >= 0 && offset <= limit - length
            ? (offset, length, count)
            : throw Invalid("its table of contents lies outside the file");
    }

    // The comment's length must fit, so that a signature within a comment is not taken for the record.
    private static bool IsEnd(ReadOnlySpan<byte> rest) =>
        rest.StartsWith("PK\x05\x06"u8) && BinaryPrimitives.ReadUInt16LittleEndian(rest[20..]) == rest.Length - EndBytes;

    private void ReadMembers(ReadOnlySpan<byte> directory, long count, long directoryOffset)
    {
        List<(string Name, long Offset, long Size, bool IsStored)> found = new((int)count);
        for (long i = 0; i < count; i++)
        {
            if (directory.Length < CentralHeaderBytes || !directory.StartsWith("PK\x01\x02"u8))
            {
                throw Invalid($"its table of contents is damaged at member {i}");
            }

            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[28..]);
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[30..]);
            int commentLength = BinaryPrimitives.ReadUInt16LittleEndian(directory[32..]);
            int length = CentralHeaderBytes + nameLength + extraLength + commentLength;
            if (length > directory.Length)
            {
                throw Invalid($"its table of contents is cut short at member {i}");
            }

            string name = Text(directory.Slice(CentralHeaderBytes, nameLength), i);
            found.Add(ReadMember(name, directory, directory.Slice(CentralHeaderBytes + nameLength, extraLength)));
            directory = directory[length..];
        }

        found.Sort((left, right) => left.Offset.CompareTo(right.Offset));
        for (int i = 0; i < found.Count; i++)
        {
            (string name, long offset, long size, bool isStored) = found[i];
            long limit = i + 1 < found.Count ? found[i + 1].Offset : directoryOffset;
            ZipMember member = new(name, offset, limit, size, isStored);
            if (offset < 0 || size < 0 || size > limit || offset > limit - size)
            {
                throw Overlaps(member);
            }

            if (!_members.TryAdd(name, member))
            {
                throw Invalid($"it has two members named {TensorText.Quote(name)}");
            }
        }
    }

    private (string Name, long Offset, long Size, bool IsStored) ReadMember(string name, ReadOnlySpan<byte> header, ReadOnlySpan<byte> extra)
    {
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(header[8..]);
        ushort method = BinaryPrimitives.ReadUInt16LittleEndian(header[10..]);
        long compressed = BinaryPrimitives.ReadUInt32LittleEndian(header[20..]);
        long size = BinaryPrimitives.ReadUInt32LittleEndian(header[24..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(header[42..]);
        if ((flags & Encrypted) != 0)
        {
            throw Invalid($"its member {TensorText.Quote(name)} is encrypted");
        }

        while (extra.Length >= 4)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (length > extra.Length - 4)
            {
                break;
            }

            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == Zip64Extra)
            {
                ReadOnlySpan<byte> field = extra.Slice(4, length);
                size = Widen(size, ref field);
                compressed = Widen(compressed, ref field);
                offset = Widen(offset, ref field);
                break;
            }

            extra = extra[(4 + length)..];
        }

        return (name, offset, compressed, method == 0 && size == compressed);
    }

    // The zip64 field holds, in this order, only those of the numbers that do not fit 32 bits.
    private static long Widen(long value, ref ReadOnlySpan<byte> field)
    {
        if (value != uint.MaxValue || field.Length < sizeof(long))
        {
            return value;
        }

        long wide = BinaryPrimitives.ReadInt64LittleEndian(field);
        field = field[sizeof(long)..];
        return wide;
    }

    private string Text(ReadOnlySpan<byte> name, long index)
    {
        try
        {
            return StrictUtf8.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            throw Invalid($"the name of its member {index} is not valid UTF-8");
        }
    }

    private InvalidDataException Overlaps(ZipMember member) =>
        Invalid($"its member {TensorText.Quote(member.Name)} reaches into what comes after it, or lies outside the file");

    private InvalidDataException Invalid(string problem) => PyTorchFile.Invalid(_file.Path, problem);
}
