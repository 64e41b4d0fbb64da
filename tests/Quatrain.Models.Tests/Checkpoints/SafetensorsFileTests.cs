using System.IO.Pipes;
using Quatrain.Models.Checkpoints;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _fileCount;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_lists_the_tensors_of_a_file_built_by_hand()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Sample());
        file.Metadata.ShouldBe(new Dictionary<string, string> { ["format"] = "pt" });
        file.Entries.Select(entry => (entry.Name, entry.DType, Shape: string.Join('x', entry.Shape), entry.ElementCount, entry.ByteCount)).ShouldBe(
        [
            ("a", SafetensorsDType.F32, "2x3", 6, 24),
            ("b", SafetensorsDType.BF16, "2", 2, 4),
            ("empty", SafetensorsDType.F32, "0x5", 0, 0),
            ("one", SafetensorsDType.F32, "", 1, 4),
        ]);
        file.TryGet("absent", out _).ShouldBeFalse();
    }

    [Fact]
    public void ReadFloats_gives_the_numbers_of_a_file_built_by_hand()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Sample());
        Floats(file, "a").ShouldBe([0, 1, 2, 3, 4, 5]);
        Floats(file, "b").ShouldBe([1, -2]);
        Floats(file, "empty").ShouldBeEmpty();
        Floats(file, "one").ShouldBe([-7.5f]);
    }

    [Fact]
    public void ReadFloatRange_gives_a_part_of_a_tensor_of_any_type()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Sample());
        float[] part = new float[2];
        file.ReadFloatRange(file.Entries[0], 3, part);
        part.ShouldBe([3, 4]);
        file.ReadFloatRange(file.Entries[1], 1, part.AsSpan(0, 1));
        part.ShouldBe([-2, 4]);

        Should.Throw<ArgumentOutOfRangeException>(() => file.ReadFloatRange(file.Entries[0], 5, part));
        Should.Throw<ArgumentOutOfRangeException>(() => file.ReadFloatRange(file.Entries[0], -1, part));
        Should.Throw<ArgumentOutOfRangeException>(() => file.ReadFloatRange(file.Entries[0], long.MaxValue, part));
    }

    [Fact]
    public void Open_takes_tensors_named_in_another_order_than_their_data()
    {
        const string Header = """{"late":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"early":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join(Header, SafetensorsBytes.Floats(1, 2)));
        file.Entries.Select(entry => entry.Name).ShouldBe(["early", "late"]);
        Floats(file, "late").ShouldBe([2]);
    }

    [Theory]
    [InlineData("{}", "")]
    [InlineData("{}      ", "")]
    [InlineData("""{"__metadata__":null}""", "")]
    [InlineData("""{"a\u0062ä":{"dtype":"I8","shape":[],"data_offsets":[0,1],"note":{"by":["x"]}}}""", "abä")]
    public void Open_takes_what_the_reference_implementation_takes(string header, string names)
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join(header, new byte[names.Length > 0 ? 1 : 0]));
        string.Join(' ', file.Entries.Select(entry => entry.Name)).ShouldBe(names);
    }

    [Fact]
    public void ReadFloats_converts_every_half_precision_number()
    {
        byte[] data = new byte[2 * 65536];
        for (int i = 0; i < 65536; i++)
        {
            data[2 * i] = (byte)i;
            data[2 * i + 1] = (byte)(i >> 8);
        }

        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join("""{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}""", data));
        float[] floats = Floats(file, "h");
        for (int i = 0; i < floats.Length; i++)
        {
            int sign = i >> 15, exponent = (i >> 10) & 31, fraction = i & 1023;
            double magnitude = exponent == 0 ? fraction * Math.ScaleB(1, -24) : (1024 + fraction) * Math.ScaleB(1, exponent - 25);
            if (exponent == 31)
            {
                magnitude = fraction == 0 ? double.PositiveInfinity : double.NaN;
            }

            floats[i].ShouldBe((float)(sign == 1 ? -magnitude : magnitude));
        }
    }

    [Fact]
    public void ReadFloats_rounds_doubles_to_the_nearest_float()
    {
        double[] values = [0.1, -1e300, 1e-300, 16777217];
        byte[] data = [.. values.SelectMany(BitConverter.GetBytes)];
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join("""{"d":{"dtype":"F64","shape":[4],"data_offsets":[0,32]}}""", data));
        Floats(file, "d").ShouldBe([0.1f, float.NegativeInfinity, 0, 16777216]);
    }

    [Fact]
    public void ReadFloats_converts_tensors_longer_than_its_buffer()
    {
        ushort[] values = [.. Enumerable.Range(0, 20_001).Select(i => (ushort)(0x3F00 + i % 256))];
        byte[] data = [.. values.SelectMany(BitConverter.GetBytes)];
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join("""{"b":{"dtype":"BF16","shape":[20001],"data_offsets":[0,40002]}}""", data));
        Floats(file, "b").ShouldBe(values.Select(value => BitConverter.Int32BitsToSingle(value << 16)));
    }

    [Fact]
    public void ReadFloats_refuses_integers()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join("""{"i":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}""", new byte[4]));
        string message = Should.Throw<InvalidDataException>(() => Floats(file, "i")).Message;
        message.ShouldContain("tensor 'i' holds I32 elements");
        message.ShouldContain(file.Path);
    }

    [Fact]
    public void Reading_into_a_span_of_another_length_is_an_argument_error()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Sample());
        SafetensorsEntry entry = file.Entries[0];
        Should.Throw<ArgumentException>(() => file.ReadFloats(entry, new float[5]));
        Should.Throw<ArgumentException>(() => file.ReadFloats(entry, new float[7]));
        Should.Throw<ArgumentException>(() => file.ReadBytes(entry, new byte[6]));
    }

    [Fact]
    public void Reading_another_files_entry_is_an_argument_error()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Sample());
        using SafetensorsFile other = OpenBytes(SafetensorsBytes.Sample());
        Should.Throw<ArgumentException>(() => file.ReadFloats(other.Entries[0], new float[6]));
    }

    [Fact]
    public void ReadBytes_gives_the_bytes_of_any_type()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join("""{"i":{"dtype":"U16","shape":[2],"data_offsets":[0,4]}}""", [1, 2, 3, 4]));
        byte[] bytes = new byte[4];
        file.ReadBytes(file.Entries[0], bytes);
        bytes.ShouldBe([1, 2, 3, 4]);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "Infinity")]
    [InlineData(float.NegativeInfinity, "-Infinity")]
    public void ReadFiniteFloats_names_the_tensor_and_place_of_a_number_that_is_not_finite(float value, string shown)
    {
        const string Header = """{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}""";
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join(Header, SafetensorsBytes.Floats(1, 2, value, 4)));
        Should.Throw<InvalidDataException>(() => file.ReadFiniteFloats(file.Entries[0], new float[4]))
            .Message.ShouldContain($"tensor 'w' of shape [2, 2] holds {shown} at element 2");
    }

    [Fact]
    public void ReadFiniteFloats_takes_the_largest_and_smallest_floats()
    {
        const string Header = """{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""";
        float[] values = [float.MaxValue, float.MinValue, float.Epsilon];
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Join(Header, SafetensorsBytes.Floats(values)));
        float[] read = new float[3];
        file.ReadFiniteFloats(file.Entries[0], read);
        read.ShouldBe(values);
    }

    [Fact]
    public void Reading_a_file_that_became_shorter_is_refused()
    {
        using SafetensorsFile file = OpenBytes(SafetensorsBytes.Sample());
        using (FileStream stream = new(file.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            stream.SetLength(stream.Length - 1);
        }

        Should.Throw<InvalidDataException>(() => Floats(file, "one")).Message.ShouldContain("became shorter");
    }

    [Fact]
    public void Reading_after_dispose_is_refused()
    {
        SafetensorsFile file = OpenBytes(SafetensorsBytes.Sample());
        file.Dispose();
        Should.Throw<ObjectDisposedException>(() => Floats(file, "a"));
    }

    [Fact]
    public void Open_does_not_read_the_data_and_ReadFloats_reads_them_in_place()
    {
        const string Header = """{"w":{"dtype":"F32","shape":[4194307],"data_offsets":[0,16777228]}}""";
        string path = _folder.File("large.safetensors");
        File.WriteAllBytes(path, SafetensorsBytes.Join(Header, []));
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(stream.Length + 16777228);
            stream.Seek(-12, SeekOrigin.End);
            stream.Write(SafetensorsBytes.Floats(1, 2, 3));
        }

        float[] floats = new float[4194307];
        long before = GC.GetAllocatedBytesForCurrentThread();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        file.ReadFloats(file.Entries[0], floats);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(100_000);
        floats[^4..].ShouldBe([0, 1, 2, 3]);
    }

    [Fact]
    public void Open_of_a_folder_says_so() =>
        Should.Throw<IOException>(() => SafetensorsFile.Open(_folder.FullName)).Message.ShouldContain("it is a folder");

    [Fact]
    public void Open_of_an_absent_file_names_it() =>
        Should.Throw<FileNotFoundException>(() => SafetensorsFile.Open(_folder.File("absent"))).Message.ShouldContain(_folder.File("absent"));

    [FactNeeding("/proc/self/fd")]
    public void Open_of_a_pipe_says_so()
    {
        using AnonymousPipeServerStream pipe = new(PipeDirection.Out);
        string path = $"/proc/self/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}";
        Should.Throw<InvalidDataException>(() => SafetensorsFile.Open(path)).Message.ShouldContain("pipe");
    }

    [SharedDataFact("gpt2-golden/gpt2-124M-golden.safetensors")]
    public void ReadFloats_gives_attention_weights_that_sum_to_one_from_a_published_file()
    {
        using SafetensorsFile file = SafetensorsFile.Open(SharedData.Get("gpt2-golden/gpt2-124M-golden.safetensors"));
        file.Entries.Count.ShouldBe(15);
        SafetensorsEntry entry = file.Entries.Single(candidate => candidate.Name == "ex0.attn_probs");
        entry.Shape.ShouldBe([12, 12, 6, 6]);
        float[] weights = new float[entry.ElementCount];
        file.ReadFiniteFloats(entry, weights);
        foreach (float[] row in weights.Chunk(6))
        {
            row.Sum().ShouldBe(1, 1e-5);
        }
    }

    private static float[] Floats(SafetensorsFile file, string name)
    {
        file.TryGet(name, out SafetensorsEntry? entry).ShouldBeTrue();
        float[] floats = new float[entry!.ElementCount];
        file.ReadFloats(entry, floats);
        return floats;
    }

    private SafetensorsFile OpenBytes(byte[] bytes)
    {
        string path = _folder.File($"{_fileCount++}.safetensors");
        File.WriteAllBytes(path, bytes);
        return SafetensorsFile.Open(path);
    }
}
