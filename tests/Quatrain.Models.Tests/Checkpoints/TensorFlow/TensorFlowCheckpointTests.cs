using System.Runtime.InteropServices;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Checkpoints.TensorFlow;
using Quatrain.Models.Tests.Gpt2;

namespace Quatrain.Models.Tests.Checkpoints.TensorFlow;

/// <summary>A checkpoint that tests/fixtures/make_tensorflow_fixtures.py wrote, and what can be wrong with one.</summary>
public sealed class TensorFlowCheckpointTests : IDisposable
{
    private const string FirstShard = "model.ckpt.data-00000-of-00002";
    private readonly TemporaryFolder _folder = new();

    public TensorFlowCheckpointTests() => ImportFixtures.CopyTo("tensorflow", _folder.FullName);

    private string IndexPath => _folder.File("model.ckpt.index");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_of_both_data_files_are_read_and_located()
    {
        using TensorFlowCheckpoint file = TensorFlowCheckpoint.Open(_folder.FullName);
        file.Entries.Count.ShouldBe(28);
        file.Entries.Select(entry => file.Locate(entry).ShouldNotBeNull().Path).Distinct().Count().ShouldBe(2);
        file.TryGet("model/h1/mlp/c_fc/w", out TensorEntry? matrix).ShouldBeTrue();
        matrix.Shape.ShouldBe([1L, 32, 128]);
        foreach (TensorEntry entry in file.Entries)
        {
            float[] whole = new float[entry.ElementCount];
            file.ReadFloatRange(entry, 0, whole);
            FileRegion region = file.Locate(entry).ShouldNotBeNull();
            byte[] bytes = File.ReadAllBytes(region.Path).AsSpan((int)region.Offset, (int)region.Length).ToArray();
            MemoryMarshal.Cast<byte, float>(bytes).ToArray().ShouldBe(whole);
            float[] part = new float[5];
            file.ReadFloatRange(entry, 7, part);
            part.ShouldBe(whole[7..12]);
        }
    }

    [Fact]
    public void A_packed_index_gives_the_same_tensors()
    {
        File.Copy(ImportFixtures.Path("tensorflow-packed.index"), IndexPath, overwrite: true);
        using TensorFlowCheckpoint file = TensorFlowCheckpoint.Open(_folder.FullName);

        file.Entries.Count.ShouldBe(28);
        Hostility.ReadAll(file);
    }

    [Fact]
    public void A_damaged_tensor_is_found_by_its_checksum()
    {
        string path = _folder.File(FirstShard);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[123] ^= 1;
        File.WriteAllBytes(path, bytes);
        using TensorFlowCheckpoint file = TensorFlowCheckpoint.Open(_folder.FullName);
        TensorEntry entry = file.Entries[0];

        string message = Should.Throw<InvalidDataException>(() => file.ReadFloatRange(entry, 0, new float[entry.ElementCount])).Message;

        message.ShouldContain(path);
        message.ShouldContain("checksum");
        message.ShouldContain(entry.Name);
    }

    [Fact]
    public void A_data_file_that_is_absent_or_cut_short_is_refused()
    {
        string path = _folder.File(FirstShard);
        byte[] bytes = File.ReadAllBytes(path);
        for (int length = 0; length < bytes.Length; length += 997)
        {
            File.WriteAllBytes(path, bytes[..length]);
            Should.Throw<InvalidDataException>(() => TensorFlowCheckpoint.Open(_folder.FullName)).Message.ShouldContain(path);
        }

        File.WriteAllBytes(path, bytes[..^1]);
        Should.Throw<InvalidDataException>(() => TensorFlowCheckpoint.Open(_folder.FullName)).Message.ShouldContain("cut short");
        File.Delete(path);
        Should.Throw<FileNotFoundException>(() => TensorFlowCheckpoint.Open(_folder.FullName)).Message.ShouldContain(path);
    }

    [Theory]
    [InlineData("model_checkpoint_path: \"../model.ckpt\"")]
    [InlineData("model_checkpoint_path: \"/model.ckpt\"")]
    [InlineData("model_checkpoint_path: \"C:model.ckpt\"")]
    [InlineData("model_checkpoint_path: \"a\\\\..\\\\model.ckpt\"")]
    [InlineData("model_checkpoint_path: \"..\"")]
    [InlineData("model_checkpoint_path: \"\"")]
    [InlineData("model_checkpoint_path: model.ckpt")]
    [InlineData("model_checkpoint_path: \"model.ckpt")]
    [InlineData("model_checkpoint_path: \"model\0.ckpt\"")]
    [InlineData("model_checkpoint_path:")]
    public void A_name_that_is_no_plain_name_is_refused(string state) => RefusedState(state).ShouldContain("plain name");

    [Theory]
    [InlineData("")]
    [InlineData("all_model_checkpoint_paths: \"model.ckpt\"\n")]
    public void A_state_without_a_checkpoint_is_refused(string state) => RefusedState(state).ShouldContain("model_checkpoint_path");

    [Fact]
    public void A_state_that_is_no_text_is_refused() => RefusedState(new string('x', 70_000)).ShouldContain("larger");

    [Fact]
    public void Checkpoints_this_reader_does_not_know_are_refused()
    {
        byte[] header = Message((1, 1, null));
        byte[] tensor = Entry();

        RefusedIndex(([1], tensor)).ShouldContain("begins with");
        RefusedIndex(([], [])).ShouldContain("claims 0 data files");
        RefusedIndex(([], Message((1, 5000, null)))).ShouldContain("claims 5000 data files");
        RefusedIndex(([], Message((1, ulong.MaxValue, null)))).ShouldContain("data files");
        RefusedIndex(([], Message((1, 1, null), (2, 1, null)))).ShouldContain("little-endian");
        RefusedIndex(([], Message((1, 1, null), (3, 0, Message((2, 7, null)))))).ShouldContain("version 7");
        RefusedIndex(([], [0xFF])).ShouldContain("damaged");
        RefusedIndex(([], header)).ShouldContain("no tensors");
        RefusedIndex(([], header), ([1], [0xFF])).ShouldContain("damaged");
        RefusedIndex(([], header), ([0xFF], tensor)).ShouldContain("UTF-8");
        RefusedIndex(([], header), ([1], Entry(sliced: true))).ShouldContain("slices");
        RefusedIndex(([], header), ([1], Entry(shard: 1))).ShouldContain("data file 1");
        RefusedIndex(([], header), ([1], Entry(offset: 100))).ShouldContain("cut short");
        RefusedIndex(([], header), ([1], Entry(offset: ulong.MaxValue))).ShouldContain("cut short");
        RefusedIndex(([], header), ([1], Entry(size: ulong.MaxValue))).ShouldContain("cut short");
        RefusedIndex(([], header), ([1], Entry(size: 12))).ShouldContain("does not fit");
        RefusedIndex(([], header), ([1], Entry(shape: [1UL << 40, 1UL << 40]))).ShouldContain("does not fit");
        RefusedIndex(([], header), ([1], Entry(shape: [ulong.MaxValue]))).ShouldContain("damaged");
        RefusedIndex(([], header), ([1], Entry(shape: [.. Enumerable.Repeat(1UL, 40)]))).ShouldContain("damaged");
        RefusedIndex(([], header), ([1], tensor), ([2], Entry(offset: 4))).ShouldContain("overlap");
    }

    [Fact]
    public void Types_that_are_no_weights_are_listed_and_not_read()
    {
        WriteIndex(([], Message((1, 1, null))), ([1], Entry(type: 9, shape: [1])), ([2], Entry(type: 7, offset: 8, size: 3, shape: [5])));
        using TensorFlowCheckpoint file = TensorFlowCheckpoint.Open(_folder.FullName);

        file.Entries.Select(entry => entry.TypeName).ShouldBe(["I64", "type 7"]);
        foreach (TensorEntry entry in file.Entries)
        {
            entry.IsReadableAsFloats.ShouldBeFalse();
            file.Locate(entry).ShouldBeNull();
            Should.Throw<InvalidDataException>(() => file.ReadFloatRange(entry, 0, new float[1])).Message.ShouldContain(entry.TypeName);
        }
    }

    [Fact]
    public void Another_files_entry_is_refused()
    {
        using TensorFlowCheckpoint file = TensorFlowCheckpoint.Open(_folder.FullName), other = TensorFlowCheckpoint.Open(_folder.FullName);
        TensorEntry entry = other.Entries[0];

        Should.Throw<ArgumentException>(() => file.ReadFloatRange(entry, 0, new float[1]));
        Should.Throw<ArgumentException>(() => file.Locate(entry));
        Should.Throw<ArgumentException>(() => other.ReadFloatRange(entry, entry.ElementCount, new float[1]));
    }

    [Fact]
    public void Random_damage_to_what_the_index_says_is_survived()
    {
        List<(byte[] Key, byte[] Value)> entries = SortedTable.Read(File.ReadAllBytes(IndexPath), IndexPath);
        Random random = new(77);
        int opened = 0;
        for (int i = 0; i < 800; i++)
        {
            int at = random.Next(entries.Count);
            byte[] table = SortedTableBytes.Table(
                ([255], SortedTableBytes.Block(entries.Select((entry, index) => index == at ? (entry.Key, Hostility.Damage(entry.Value, random)) : entry))));
            File.WriteAllBytes(IndexPath, table);
            opened += Hostility.Survives(table, 1_000_000, () =>
            {
                using TensorFlowCheckpoint file = TensorFlowCheckpoint.Open(_folder.FullName);
                Hostility.ReadAll(file);
            }) ? 1 : 0;
        }

        opened.ShouldBeInRange(1, 799);
    }

    private string RefusedState(string state)
    {
        File.WriteAllText(_folder.File("checkpoint"), state);
        return Should.Throw<InvalidDataException>(() => TensorFlowCheckpoint.Open(_folder.FullName)).Message;
    }

    private string RefusedIndex(params (byte[] Key, byte[] Value)[] entries)
    {
        WriteIndex(entries);
        return Should.Throw<InvalidDataException>(() => TensorFlowCheckpoint.Open(_folder.FullName)).Message;
    }

    // With a data file of 16 bytes.
    private void WriteIndex(params (byte[] Key, byte[] Value)[] entries)
    {
        File.WriteAllBytes(IndexPath, SortedTableBytes.Table(([255], SortedTableBytes.Block(entries))));
        File.WriteAllBytes(_folder.File("model.ckpt.data-00000-of-00001"), new byte[16]);
    }

    private static byte[] Entry(ulong type = 1, ulong[]? shape = null, ulong shard = 0, ulong offset = 0, ulong size = 8, bool sliced = false) => Message(
    [
        (1, type, null), (2, 0, Message([.. (shape ?? [2]).Select(size => (2, 0UL, (byte[]?)Message((1, size, null))))])), (3, shard, null), (4, offset, null),
        (5, size, null), .. sliced ? [(7, 0UL, Array.Empty<byte>())] : Array.Empty<(int, ulong, byte[]?)>(),
    ]);

    // A protocol buffers message of numbers, or of bytes where there are any.
    private static byte[] Message(params (int Field, ulong Number, byte[]? Bytes)[] fields) =>
    [
        .. fields.SelectMany(field => field.Bytes is { } bytes
            ? (byte[])[(byte)((field.Field << 3) | 2), .. SortedTableBytes.Varint((ulong)bytes.Length), .. bytes]
            : [(byte)(field.Field << 3), .. SortedTableBytes.Varint(field.Number)]),
    ];
}
