using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_makes_exactly_the_bytes_the_format_asks_for()
    {
        SafetensorsWriter.Write(
            Path("x"),
            [new("b", [2, 1], new float[] { 1, -2 }), new("ä<", [], new float[] { 3 })],
            new Dictionary<string, string> { ["z"] = "\"", ["format"] = "pt" });

        const string Header = """
            {"__metadata__":{"format":"pt","z":"\""},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"ä<":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}
            """;
        byte[] header = Encoding.UTF8.GetBytes(Header);
        byte[] padding = Encoding.ASCII.GetBytes(new string(' ', (8 - header.Length % 8) % 8));
        File.ReadAllBytes(Path("x")).ShouldBe(SafetensorsBytes.Join([.. header, .. padding], SafetensorsBytes.Floats(1, -2, 3)));
        padding.ShouldNotBeEmpty();
    }

    [Fact]
    public void Write_of_nothing_makes_an_empty_object()
    {
        SafetensorsWriter.Write(Path("x"), []);
        File.ReadAllBytes(Path("x")).ShouldBe([8, 0, 0, 0, 0, 0, 0, 0, .. "{}      "u8]);
    }

    [Fact]
    public void Data_begin_at_a_multiple_of_eight_bytes_whatever_the_names_length()
    {
        for (int length = 0; length < 9; length++)
        {
            SafetensorsWriter.Write(Path("x"), [new(new string('n', length), [1], new float[] { 1 })]);
            ((new FileInfo(Path("x")).Length - 4) % 8).ShouldBe(0);
        }
    }

    [Fact]
    public void Write_streams_from_a_span_source_without_copying_it()
    {
        float[] values = new float[1 << 22];
        values[^1] = 7;
        SafetensorsTensor[] tensors = [new("w", [1 << 22], () => values)];
        SafetensorsWriter.Write(Path("x"), tensors);
        long before = GC.GetAllocatedBytesForCurrentThread();
        SafetensorsWriter.Write(Path("x"), tensors);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1 << 20);
        Read(Path("x"))[0].Bits.ShouldBe(values.Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public void Write_keeps_the_old_file_when_a_source_fails()
    {
        SafetensorsWriter.Write(Path("x"), [new("old", [1], new float[] { 1 })]);
        FloatSpanSource failing = () => throw new InvalidOperationException("gone");
        Should.Throw<InvalidOperationException>(() => SafetensorsWriter.Write(Path("x"), [new("new", [1], new float[] { 2 }), new("gone", [1], failing)]));
        Read(Path("x")).Select(tensor => tensor.Name).ShouldBe(["old"]);
        _folder.FileNames().ShouldBe(["x"]);
    }

    [Fact]
    public void Write_replaces_a_file_that_is_being_read()
    {
        SafetensorsWriter.Write(Path("x"), [new("old", [1], new float[] { 1 })]);
        using SafetensorsFile file = SafetensorsFile.Open(Path("x"));
        SafetensorsWriter.Write(Path("x"), [new("new", [2], new float[] { 2, 3 })]);
        float[] old = new float[1];
        file.ReadFloats(file.Entries[0], old);
        old.ShouldBe([1]);
        Read(Path("x")).Select(tensor => tensor.Name).ShouldBe(["new"]);
    }

    [Fact]
    public void Write_refuses_a_source_whose_length_does_not_fit_the_shape()
    {
        Should.Throw<ArgumentException>(() => SafetensorsWriter.Write(Path("x"), [new("w", [2, 2], new float[5])]))
            .Message.ShouldContain("'w' of shape [2, 2] has 5 elements");
        _folder.FileNames().ShouldBeEmpty();
    }

    [Fact]
    public void Write_refuses_two_tensors_of_one_name() =>
        Should.Throw<ArgumentException>(() => SafetensorsWriter.Write(Path("x"), [new("w", [0], default(ReadOnlyMemory<float>)), new("w", [0], default(ReadOnlyMemory<float>))]))
            .Message.ShouldContain("'w'");

    [Fact]
    public void Write_refuses_metadata_that_are_not_unicode() =>
        Should.Throw<ArgumentException>(() => SafetensorsWriter.Write(Path("x"), [], new Dictionary<string, string> { ["x"] = "\uDC00" }));

    [Theory]
    [InlineData("__metadata__", new long[] { 1 })]
    [InlineData("w", new long[] { -1 })]
    [InlineData("w", new long[] { 65536, 32768 })]
    [InlineData("w", new long[] { 4294967296, 4294967296 })]
    public void A_tensor_that_no_file_can_hold_is_an_argument_error(string name, long[] shape) =>
        Should.Throw<ArgumentException>(() => new SafetensorsTensor(name, shape, new float[1]));

    [Fact]
    public void A_name_that_is_half_a_surrogate_pair_is_an_argument_error() =>
        Should.Throw<ArgumentException>(() => new SafetensorsTensor("\uD800", [1], new float[1]));

    [Fact]
    public void A_tensor_of_too_many_dimensions_is_an_argument_error() =>
        Should.Throw<ArgumentException>(() => new SafetensorsTensor("w", new long[33], default(ReadOnlyMemory<float>)));

    [Fact]
    public void Any_tensors_come_back_as_they_were_written()
    {
        // Bits rather than floats: every NaN must come back as it was.
        Gen<int[]> shapes = Gen.Choose(0, 4).ArrayOf().Where(shape => shape.Length <= 5);
        Gen<(int[] Shape, int[] Bits)> tensors = shapes.SelectMany(shape =>
            Gen.Choose(int.MinValue, int.MaxValue).ArrayOf(shape.Aggregate(1, (count, size) => count * size)).Select(bits => (shape, bits)));
        string[] names = ["", " ", "h.0.attn.c_attn.weight", "\"\\\u0000\n", "ä\U0001F600\u2028", "<&+'>", "w", "W"];
        Prop.ForAll(tensors.ArrayOf().ToArbitrary(), cases =>
        {
            List<SafetensorsTensor> written = [];
            foreach ((int[] shape, int[] bits) in cases)
            {
                string name = written.Count < names.Length ? names[written.Count] : $"w{written.Count}";
                written.Add(new(name, [.. shape.Select(size => (long)size)], bits.Select(BitConverter.Int32BitsToSingle).ToArray()));
            }

            SafetensorsWriter.Write(Path("x"), written, written.ToDictionary(tensor => tensor.Name, tensor => tensor.Name));
            using SafetensorsFile file = SafetensorsFile.Open(Path("x"));
            file.Metadata.Keys.Order(StringComparer.Ordinal).ShouldBe(written.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
            file.Metadata.ShouldAllBe(note => note.Key == note.Value);
            foreach ((SafetensorsTensor tensor, (int[] _, int[] bits)) in written.Zip(cases))
            {
                file.TryGet(tensor.Name, out SafetensorsEntry? entry).ShouldBeTrue();
                entry!.Shape.ShouldBe(tensor.Shape.ToArray());
                Bits(file, entry).ShouldBe(bits);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(200).WithReplay(20250714, 1));
    }

    [Fact]
    public void Entries_come_back_in_the_order_they_were_written_in()
    {
        SafetensorsWriter.Write(
            Path("x"),
            [new("z", [0], Array.Empty<float>()), new("b", [0], Array.Empty<float>()), new("y", [1], new float[1]), new("a", [1], new float[1])]);
        Read(Path("x")).Select(tensor => tensor.Name).ShouldBe(["z", "b", "y", "a"]);
    }

    private static (string Name, int[] Bits)[] Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return [.. file.Entries.Select(entry => (entry.Name, Bits(file, entry)))];
    }

    private static int[] Bits(SafetensorsFile file, SafetensorsEntry entry)
    {
        float[] floats = new float[entry.ElementCount];
        file.ReadFloats(entry, floats);
        return [.. floats.Select(BitConverter.SingleToInt32Bits)];
    }

    private string Path(string name) => _folder.File(name);
}
