using System.Text;
using Quatrain.Models.Checkpoints.TensorFlow;
using Quatrain.Models.Tests.Gpt2;
using static Quatrain.Models.Tests.Checkpoints.TensorFlow.SortedTableBytes;

namespace Quatrain.Models.Tests.Checkpoints.TensorFlow;

public sealed class SortedTableTests
{
    [Fact]
    public void Keys_of_several_blocks_come_in_order()
    {
        List<(byte[] Key, byte[] Value)> entries = Read(File.ReadAllBytes(ImportFixtures.Path("tensorflow/model.ckpt.index")));

        string[] keys = [.. entries.Select(entry => Encoding.ASCII.GetString(entry.Key))];
        keys.Length.ShouldBe(29);
        keys.ShouldBe(keys.Order(StringComparer.Ordinal));
        keys[..4].ShouldBe(["", "model/h0/attn/c_attn/b", "model/h0/attn/c_attn/w", "model/h0/attn/c_proj/b"]);
        keys[^1].ShouldBe("model/wte");
    }

    [Fact]
    public void Packed_blocks_hold_the_same()
    {
        List<(byte[] Key, byte[] Value)> plain = Read(File.ReadAllBytes(ImportFixtures.Path("tensorflow/model.ckpt.index")));
        List<(byte[] Key, byte[] Value)> packed = Read(File.ReadAllBytes(ImportFixtures.Path("tensorflow-packed.index")));

        packed.Select(Text).ShouldBe(plain.Select(Text));
    }

    [Theory]
    [InlineData("tensorflow/model.ckpt.index")]
    [InlineData("tensorflow-packed.index")]
    public void Every_flipped_bit_of_a_block_and_every_cut_is_refused(string name)
    {
        byte[] whole = File.ReadAllBytes(ImportFixtures.Path(name));
        int blocks = whole.Length - 48;
        for (int at = 0; at < blocks; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= (byte)(1 << (at % 8));
            // The block that a table may have about itself is never looked at: with the fixture's, those are 8 bytes and 5 of a trailer.
            bool refused = !Hostility.Survives(damaged, 1_000_000, () => Read(damaged));
            refused.ShouldBe(!IsInMetaindex(whole, at), $"byte {at}");
        }

        for (int length = 0; length < whole.Length; length++)
        {
            byte[] cut = whole[..length];
            Hostility.Survives(cut, 1_000_000, () => Read(cut)).ShouldBeFalse($"{length} bytes");
        }
    }

    [Fact]
    public void Right_checksums_do_not_make_wrong_blocks_right()
    {
        byte[] a = "a"u8.ToArray(), b = "b"u8.ToArray();
        Read(Table((b, Block((a, []), (b, []))))).Count.ShouldBe(2);

        Refused(Table((b, Block((b, []), (a, []))))).ShouldContain("order");
        Refused(Table((b, Block((a, []), (a, []))))).ShouldContain("order");
        Refused(Table((a, Block((b, []))), (b, Block((a, []))))).ShouldContain("order");
        Refused(Table((a, []))).ShouldContain("restart points");
        Refused(Table((a, [1, 0, 0, 0]))).ShouldContain("restart points");
        Refused(Table((a, [0xFF, 0xFF, 0xFF, 0xFF]))).ShouldContain("restart points");
        Refused(Table((a, [1, 0, 0, .. Block()]))).ShouldContain("damaged"); // shares a byte with nothing
        Refused(Table((a, [0, 9, 0, .. Block()]))).ShouldContain("damaged");
        Refused(Table((a, [0, 0, 9, .. Block()]))).ShouldContain("damaged");
        Refused(Table((a, [0, .. Varint(ulong.MaxValue), .. Varint(ulong.MaxValue), .. Block()]))).ShouldContain("damaged");
        Refused(Table(2, (a, Block((a, []))))).ShouldContain("unknown way");
        Refused(Table(1, (a, [5, 5]))).ShouldContain("unpacked");
    }

    [Fact]
    public void Blocks_outside_the_table_or_given_twice_are_refused()
    {
        byte[] table = Table(("z"u8.ToArray(), Block(("a"u8.ToArray(), []))));
        byte[] footer = table[^48..];

        foreach (ulong offset in (ulong[])[(ulong)table.Length, ulong.MaxValue, 1UL << 40])
        {
            byte[] handles = [0, 0, .. Varint(offset), .. Varint(1)];
            Refused([.. table[..^48], .. handles, .. new byte[40 - handles.Length], .. footer[40..]]).ShouldContain("outside");
        }

        // The index lists the block of the index, so that reading one leads to the other for ever, were it not for their order.
        byte[] inner = [.. Varint(0), .. Varint((ulong)Block(("a"u8.ToArray(), [])).Length)];
        byte[] twice = Block(("y"u8.ToArray(), inner), ("z"u8.ToArray(), inner));
        byte[] bomb = Table(("a"u8.ToArray(), Block(("a"u8.ToArray(), []))), ("b"u8.ToArray(), twice));
        int at = bomb.AsSpan().IndexOf(twice);
        byte[] handle = [0, 0, .. Varint((ulong)at), .. Varint((ulong)twice.Length)];
        Refused([.. bomb[..^48], .. handle, .. new byte[40 - handle.Length], .. footer[40..]]).ShouldContain("index of blocks");
    }

    [Fact]
    public void Few_bytes_cannot_make_many_long_keys()
    {
        // Each entry takes three bytes and the whole of the key before it.
        byte[] longest = [.. Enumerable.Repeat((byte)'k', 500)];
        List<byte> block = [0, .. Varint(500), 0, .. longest];
        for (int i = 0; i < 1_000_000; i++)
        {
            block.AddRange([.. Varint((ulong)(500 + (i % 12))), 1, 0, (byte)'k']);
        }

        byte[] table = Table(([255], [.. block, .. Block()[^8..]]));
        Hostility.Survives([], 60_000_000, () => Read(table)).ShouldBeFalse();
        Refused(Table(([255], [0, .. Varint(513), 0, .. new byte[513], .. Block()[^8..]]))).ShouldContain("damaged");
    }

    [Fact]
    public void Random_damage_behind_right_checksums_is_survived()
    {
        List<(byte[] Key, byte[] Value)> entries = Read(File.ReadAllBytes(ImportFixtures.Path("tensorflow/model.ckpt.index")));
        byte[] block = Block(entries);
        Random random = new(8);
        int read = 0;
        for (int i = 0; i < 5000; i++)
        {
            byte[] table = Table(([255], Hostility.Damage(block, random)));
            read += Hostility.Survives(table, 1_000_000, () => Read(table)) ? 1 : 0;
        }

        read.ShouldBeInRange(1, 4999);
    }

    private static bool IsInMetaindex(byte[] table, int at)
    {
        ReadOnlySpan<byte> footer = table.AsSpan(table.Length - 48);
        Quatrain.Models.Checkpoints.TensorFlow.Varint.TryRead(ref footer, out ulong offset).ShouldBeTrue();
        Quatrain.Models.Checkpoints.TensorFlow.Varint.TryRead(ref footer, out ulong size).ShouldBeTrue();
        return at >= (int)offset && at < (int)(offset + size) + 5;
    }

    private static string Text((byte[] Key, byte[] Value) entry) => $"{Convert.ToHexString(entry.Key)} {Convert.ToHexString(entry.Value)}";

    private static List<(byte[] Key, byte[] Value)> Read(byte[] table) => SortedTable.Read(table, "model.index");

    private static string Refused(byte[] table) => Should.Throw<InvalidDataException>(() => Read(table)).Message;
}
