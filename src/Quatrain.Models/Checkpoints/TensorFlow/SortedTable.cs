using System.Buffers.Binary;

namespace Quatrain.Models.Checkpoints.TensorFlow;

/// <summary>Reads LevelDB's sorted tables: keys and values in blocks, with an index of the blocks.</summary>
/// <remarks>
/// Source: LevelDB's table_format.md. A key is stored as what it shares with the one before and what it adds, so few bytes could make many long
/// keys: their length and number are limited.
/// </remarks>
internal ref struct SortedTable
{
    /// <summary>The largest table that is read; that of the largest GPT-2 takes 30,000 bytes.</summary>
    public const int LargestBytes = 1 << 24;

    private const ulong Magic = 0xDB4775248B80FB57;
    private const int FooterBytes = 48;
    private const int TrailerBytes = 5;
    private const int LongestKey = 512;
    private const int MostEntries = 1 << 16;
    private const long MostUnpackedBytes = 4L * LargestBytes;
    private const byte Stored = 0, SnappyPacked = 1;

    private readonly ReadOnlySpan<byte> _table;
    private readonly string _path;
    private long _unpackedBytes;

    private SortedTable(ReadOnlySpan<byte> table, string path)
    {
        _table = table;
        _path = path;
    }

    /// <summary>All keys with their values, in order.</summary>
    /// <param name="table">The whole file.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="InvalidDataException">The table is damaged, or larger than any checkpoint's; the message says what is wrong.</exception>
    public static List<(byte[] Key, byte[] Value)> Read(ReadOnlySpan<byte> table, string path) => new SortedTable(table, path).ReadAll();

    private List<(byte[] Key, byte[] Value)> ReadAll()
    {
        if (_table.Length < FooterBytes)
        {
            throw Invalid($"it holds only {_table.Length} bytes, too few for the table it should be");
        }

        ReadOnlySpan<byte> footer = _table[^FooterBytes..];
        if (BinaryPrimitives.ReadUInt64LittleEndian(footer[^sizeof(ulong)..]) != Magic)
        {
            throw Invalid("it does not end as such a table does, so it is cut short or something else");
        }

        if (!TryReadHandle(ref footer, out _, out _) || !TryReadHandle(ref footer, out ulong offset, out ulong size))
        {
            throw Invalid("its footer is damaged");
        }

        ulong end = 0;
        List<(byte[] Key, byte[] Value)> entries = [];
        foreach ((_, byte[] value) in ReadBlock(offset, size, []))
        {
            ReadOnlySpan<byte> handle = value;
            if (!TryReadHandle(ref handle, out ulong blockOffset, out ulong blockSize) || blockOffset < end)
            {
                throw Invalid("its index of blocks is damaged");
            }

            ReadBlock(blockOffset, blockSize, entries);
            end = blockOffset + blockSize;
        }

        return entries;
    }

    private static bool TryReadHandle(ref ReadOnlySpan<byte> bytes, out ulong offset, out ulong size)
    {
        size = 0;
        return Varint.TryRead(ref bytes, out offset) && Varint.TryRead(ref bytes, out size);
    }

    // Adds the block's entries, whose keys must follow on those already there.
    private List<(byte[] Key, byte[] Value)> ReadBlock(ulong offset, ulong size, List<(byte[] Key, byte[] Value)> entries)
    {
        ReadOnlySpan<byte> block = Unpack(offset, size);
        uint restarts = block.Length < sizeof(uint) ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(block[^sizeof(uint)..]);
        if (restarts > (block.Length / sizeof(uint)) - 1)
        {
            throw Invalid($"its block at byte {offset} ends without a list of its restart points");
        }

        block = block[..^(sizeof(uint) * (1 + (int)restarts))];
        Span<byte> key = stackalloc byte[LongestKey];
        int keyLength = 0;
        while (!block.IsEmpty)
        {
            if (!Varint.TryRead(ref block, out ulong shared) || !Varint.TryRead(ref block, out ulong added) || !Varint.TryRead(ref block, out ulong valueLength)
                || shared > (ulong)keyLength || added > LongestKey - shared || added > (ulong)block.Length || valueLength > (ulong)block.Length - added)
            {
                throw Invalid($"its block at byte {offset} is damaged");
            }

            block[..(int)added].CopyTo(key[(int)shared..]);
            keyLength = (int)(shared + added);
            ReadOnlySpan<byte> value = block.Slice((int)added, (int)valueLength);
            block = block[(int)(added + valueLength)..];
            if (entries.Count > 0 && key[..keyLength].SequenceCompareTo(entries[^1].Key) <= 0)
            {
                throw Invalid($"the keys of its block at byte {offset} are not in order");
            }

            if (entries.Count == MostEntries)
            {
                throw Invalid($"it has more than {MostEntries} entries");
            }

            entries.Add((key[..keyLength].ToArray(), value.ToArray()));
        }

        return entries;
    }

    private ReadOnlySpan<byte> Unpack(ulong offset, ulong size)
    {
        if (offset > (ulong)_table.Length || size > (ulong)_table.Length - offset || (ulong)_table.Length - offset - size < TrailerBytes)
        {
            throw Invalid($"a block of {size} bytes at byte {offset} lies outside it");
        }

        ReadOnlySpan<byte> checkedBytes = _table.Slice((int)offset, (int)size + 1);
        MaskedCrc32C crc = default;
        crc.Add(checkedBytes);
        if (crc.Value != BinaryPrimitives.ReadUInt32LittleEndian(_table[((int)offset + (int)size + 1)..]))
        {
            throw Invalid($"the checksum of its block at byte {offset} is wrong, so it is damaged");
        }

        ReadOnlySpan<byte> block = checkedBytes[..^1];
        switch (checkedBytes[^1])
        {
            case Stored:
                return block;
            case SnappyPacked:
                byte[] unpacked = Snappy.TryUnpack(block) ?? throw Invalid($"its block at byte {offset} cannot be unpacked");
                _unpackedBytes += unpacked.Length;
                return _unpackedBytes <= MostUnpackedBytes ? unpacked : throw Invalid("its unpacked blocks are larger than any checkpoint's");
            default:
                throw Invalid($"its block at byte {offset} is packed in an unknown way");
        }
    }

    private readonly InvalidDataException Invalid(string problem) => TensorFlowCheckpoint.Invalid(_path, problem);
}
