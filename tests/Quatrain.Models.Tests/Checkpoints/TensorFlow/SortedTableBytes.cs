using System.Buffers.Binary;
using Quatrain.Models.Checkpoints.TensorFlow;

namespace Quatrain.Models.Tests.Checkpoints.TensorFlow;

/// <summary>Puts sorted tables together, so that damage can lie behind checksums that are right.</summary>
internal static class SortedTableBytes
{
    /// <summary>A block of entries that share nothing with one another.</summary>
    public static byte[] Block(params IEnumerable<(byte[] Key, byte[] Value)> entries)
    {
        List<byte> block = [];
        foreach ((byte[] key, byte[] value) in entries)
        {
            block.AddRange([.. Varint(0), .. Varint((ulong)key.Length), .. Varint((ulong)value.Length), .. key, .. value]);
        }

        return [.. block, 0, 0, 0, 0, 1, 0, 0, 0];
    }

    /// <summary>A table of the given blocks, each under the index key that it comes with.</summary>
    public static byte[] Table(params (byte[] Key, byte[] Block)[] blocks) => Table(compression: 0, blocks);

    public static byte[] Table(byte compression, params (byte[] Key, byte[] Block)[] blocks)
    {
        List<byte> table = [];
        List<(byte[] Key, byte[] Value)> index = [];
        foreach ((byte[] key, byte[] block) in blocks)
        {
            index.Add((key, Add(table, block, compression)));
        }

        byte[] footer = [.. Add(table, Block(), 0), .. Add(table, Block(index), 0)];
        return [.. table, .. footer, .. new byte[40 - footer.Length], 0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB];
    }

    public static byte[] Varint(ulong number)
    {
        List<byte> bytes = [];
        for (; number >= 0x80; number >>= 7)
        {
            bytes.Add((byte)(number | 0x80));
        }

        return [.. bytes, (byte)number];
    }

    private static byte[] Add(List<byte> table, byte[] block, byte compression)
    {
        byte[] handle = [.. Varint((ulong)table.Count), .. Varint((ulong)block.Length)];
        MaskedCrc32C crc = default;
        crc.Add([.. block, compression]);
        byte[] sum = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(sum, crc.Value);
        table.AddRange([.. block, compression, .. sum]);
        return handle;
    }
}
