using System.Buffers.Binary;
using System.Text;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>Damaged and malicious files: each is refused with a message that names the file, what is wrong and what to do.</summary>
public sealed class SafetensorsHostileFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_cut_short_at_any_length_is_refused()
    {
        byte[] whole = SafetensorsBytes.Sample();
        for (int length = 0; length < whole.Length; length++)
        {
            Refusal(whole[..length]).ShouldContain("download or export the file again");
        }
    }

    [Fact]
    public void Data_cut_short_are_named_as_such()
    {
        byte[] whole = SafetensorsBytes.Sample();
        Refusal(whole[..^1]).ShouldContain("cut short: tensor 'one' ends at byte 32 of the data, but the file holds only 31");
    }

    [Fact]
    public void Bytes_after_the_last_tensor_are_refused() =>
        Refusal([.. SafetensorsBytes.Sample(), 0]).ShouldContain("1 bytes after tensor 'one' that belong to no tensor");

    [Theory]
    [InlineData(4L << 30)]
    [InlineData(100_000_001)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void A_huge_header_length_is_refused_without_allocating_it(long claim)
    {
        byte[] file = SafetensorsBytes.Sample();
        BinaryPrimitives.WriteInt64LittleEndian(file, claim);
        string path = Save(file);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Should.Throw<InvalidDataException>(() => SafetensorsFile.Open(path)).Message;
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1_000_000);
        message.ShouldContain($"claims a header of {(ulong)claim} bytes");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(99_999_999)]
    public void A_header_longer_than_the_file_is_refused_without_allocating_it(int claimBeyondEnd)
    {
        byte[] file = SafetensorsBytes.Sample();
        int available = file.Length - 8;
        BinaryPrimitives.WriteInt64LittleEndian(file, Math.Min(available + claimBeyondEnd, 100_000_000));
        string path = Save(file);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Should.Throw<InvalidDataException>(() => SafetensorsFile.Open(path)).Message;
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(1_000_000);
        message.ShouldContain($"ends {available} bytes after the claim");
    }

    [Fact]
    public void A_pointer_of_git_lfs_is_named_as_such() =>
        Refusal("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 548105171\n"u8.ToArray()).ShouldContain("git lfs pull");

    [Theory]
    [InlineData("", "does not begin with '{'")]
    [InlineData("[]", "does not begin with '{'")]
    [InlineData(" {}", "does not begin with '{'")]
    [InlineData("\uFEFF{}", "does not begin with '{'")]
    [InlineData("{", "not valid JSON near byte 1")]
    [InlineData("{hello}", "not valid JSON")]
    [InlineData("{}x", "not valid JSON")]
    [InlineData("{}{}", "not valid JSON")]
    [InlineData("{}\0", "not valid JSON")]
    [InlineData("""{"a":1,}""", "tensor 'a' is not described by an object")]
    [InlineData("""{"a":{"dtype":"F32"},}""", "lacks a dtype, a shape or two data_offsets")]
    [InlineData("{/**/}", "not valid JSON")]
    [InlineData("""{"\ud800":{}}""", "not valid Unicode")]
    [InlineData("""{"__metadata__":{"x":"\udc00"}}""", "not valid Unicode")]
    public void A_header_that_is_no_proper_json_object_is_refused(string header, string problem) =>
        Refusal(SafetensorsBytes.Join(header, [])).ShouldContain(problem);

    [Fact]
    public void A_header_that_is_not_utf8_is_refused() =>
        Refusal(SafetensorsBytes.Join([.. "{\""u8, 0xFF, .. "\":1}"u8], [])).ShouldContain("not valid UTF-8");

    [Fact]
    public void A_header_nested_too_deep_is_refused()
    {
        string nested = $$$"""{"a":{"x":{{{new string('[', 100_000)}}}""";
        Refusal(SafetensorsBytes.Join(nested, [])).ShouldContain("not valid JSON");
    }

    [Theory]
    [InlineData("""{"__metadata__":1}""", "'__metadata__' in its header is not an object")]
    [InlineData("""{"__metadata__":[]}""", "'__metadata__' in its header is not an object")]
    [InlineData("""{"__metadata__":{"x":1}}""", "metadata value of 'x' is not a string")]
    [InlineData("""{"__metadata__":{"x":{}}}""", "metadata value of 'x' is not a string")]
    [InlineData("""{"__metadata__":{"x":"1","x":"1"}}""", "metadata name 'x' twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "names '__metadata__' twice")]
    public void Metadata_that_are_no_map_of_strings_are_refused(string header, string problem) =>
        Refusal(SafetensorsBytes.Join(header, [])).ShouldContain(problem);

    [Fact]
    public void Duplicate_tensor_names_are_refused() =>
        Refusal("""{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0074":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8)
            .ShouldContain("names 't' twice");

    [Theory]
    [InlineData("null", "is not described by an object")]
    [InlineData("[]", "is not described by an object")]
    [InlineData("{}", "lacks a dtype, a shape or two data_offsets")]
    [InlineData("""{"shape":[1],"data_offsets":[0,4]}""", "lacks")]
    [InlineData("""{"dtype":"F32","data_offsets":[0,4]}""", "lacks")]
    [InlineData("""{"dtype":"F32","shape":[1]}""", "lacks")]
    [InlineData("""{"dtype":"F32","shape":[1],"data_offsets":[4]}""", "lacks")]
    [InlineData("""{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}""", "'data_offsets' of more than 2 numbers")]
    [InlineData("""{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}""", "two fields 'dtype'")]
    [InlineData("""{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}""", "two fields 'shape'")]
    [InlineData("""{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]}""", "two fields 'data_offsets'")]
    [InlineData("""{"dtype":4,"shape":[1],"data_offsets":[0,4]}""", "dtype that is not a string")]
    [InlineData("""{"dtype":"f32","shape":[1],"data_offsets":[0,4]}""", "unknown dtype 'f32'")]
    [InlineData("""{"dtype":"F31","shape":[1],"data_offsets":[0,4]}""", "unknown dtype 'F31'")]
    [InlineData("""{"dtype":"F32","shape":4,"data_offsets":[0,4]}""", "'shape' that is not an array")]
    [InlineData("""{"dtype":"F32","shape":[1],"data_offsets":"0,4"}""", "'data_offsets' that is not an array")]
    [InlineData("""{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}""", "something other than whole numbers")]
    [InlineData("""{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}""", "something other than whole numbers")]
    [InlineData("""{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}""", "something other than whole numbers")]
    [InlineData("""{"dtype":"F32","shape":[null],"data_offsets":[0,4]}""", "something other than whole numbers")]
    [InlineData("""{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}""", "something other than whole numbers")]
    [InlineData("""{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}""", "something other than whole numbers")]
    public void A_malformed_entry_is_refused_by_name(string entry, string problem)
    {
        string message = Refusal($$"""{"w":{{entry}}}""", 4);
        message.ShouldContain("tensor 'w' ");
        message.ShouldContain(problem);
    }

    [Theory]
    [InlineData("[-1]", "[0,4]")]
    [InlineData("[1]", "[-4,0]")]
    [InlineData("[1]", "[0,-4]")]
    [InlineData("[-1,-1]", "[0,4]")]
    public void Negative_numbers_are_refused(string shape, string offsets) =>
        Refusal($$$"""{"w":{"dtype":"F32","shape":{{{shape}}},"data_offsets":{{{offsets}}}}}""", 4).ShouldContain("something other than whole numbers");

    [Theory]
    [InlineData("F32", "[2]", "[0,4]", "4 bytes of data, but F32 of shape [2] takes 8")]
    [InlineData("F16", "[1]", "[0,4]", "4 bytes of data, but F16 of shape [1] takes 2")]
    [InlineData("F32", "[]", "[0,0]", "0 bytes of data, but F32 of shape [] takes 4")]
    [InlineData("F32", "[0]", "[0,4]", "4 bytes of data, but F32 of shape [0] takes 0")]
    [InlineData("F32", "[1]", "[4,0]", "data that end at byte 0, before they begin at byte 4")]
    public void Lengths_that_lie_are_refused(string dtype, string shape, string offsets, string problem) =>
        Refusal($$$"""{"w":{"dtype":"{{{dtype}}}","shape":{{{shape}}},"data_offsets":{{{offsets}}}}}""", 4).ShouldContain(problem);

    [Theory]
    [InlineData("[4294967296,4294967296]")]
    [InlineData("[9223372036854775807]")]
    [InlineData("[2305843009213693952]")]
    [InlineData("[3037000500,3037000500]")]
    [InlineData("[65536,65536,65536,65536]")]
    public void A_shape_whose_size_overflows_is_refused(string shape) =>
        Refusal($$$"""{"w":{"dtype":"F32","shape":{{{shape}}},"data_offsets":[0,0]}}""", 0).ShouldContain("which is larger than any file");

    [Fact]
    public void A_tensor_far_beyond_the_file_is_refused() =>
        Refusal("""{"w":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""", 4).ShouldContain("cut short");

    [Fact]
    public void A_shape_of_too_many_dimensions_is_refused()
    {
        string Header(int dimensions) =>
            $$$"""{"w":{"dtype":"F32","shape":[{{{string.Join(',', Enumerable.Repeat(1, dimensions))}}}],"data_offsets":[0,4]}}""";
        Refusal(Header(33), 4).ShouldContain("'shape' of more than 32 numbers");
        SafetensorsFile.Open(Save(SafetensorsBytes.Join(Header(32), new byte[4]))).Dispose();
    }

    [Theory]
    [InlineData("[0,8]", "[4,12]", 12)]
    [InlineData("[0,8]", "[0,8]", 8)]
    [InlineData("[4,12]", "[0,8]", 12)]
    public void Tensors_that_overlap_are_refused(string first, string second, int dataLength) =>
        Refusal(TwoTensors(first, second), dataLength).ShouldContain("overlaps tensor");

    [Fact]
    public void An_empty_tensor_inside_another_is_refused() =>
        Refusal("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}""", 8)
            .ShouldContain("tensor 'b' overlaps tensor 'a'");

    [Theory]
    [InlineData("[0,8]", "[12,20]", 20, "tensor 'b' leaves a hole of 4 bytes after tensor 'a'")]
    [InlineData("[4,12]", "[12,20]", 20, "tensor 'a' leaves a hole of 4 bytes after the start of the data")]
    public void Holes_in_the_data_are_refused(string first, string second, int dataLength, string problem) =>
        Refusal(TwoTensors(first, second), dataLength).ShouldContain(problem);

    [Fact]
    public void Data_of_no_tensor_are_refused() =>
        Refusal("{}", 4).ShouldContain("4 bytes after the start of the data that belong to no tensor");

    [Fact]
    public void A_name_in_a_message_is_cut_short_and_free_of_control_characters()
    {
        string message = Refusal($$"""{"\n\u001b{{new string('n', 1_000_000)}}":1}""", 0);
        message.Length.ShouldBeLessThan(500);
        message.ShouldContain("tensor '??nnn");
        message.ShouldContain("n...' is not");
    }

    private static string TwoTensors(string first, string second) =>
        $$$"""{"a":{"dtype":"F32","shape":[2],"data_offsets":{{{first}}}},"b":{"dtype":"F32","shape":[2],"data_offsets":{{{second}}}}}""";

    private string Refusal(string header, int dataLength) => Refusal(SafetensorsBytes.Join(Encoding.UTF8.GetBytes(header), new byte[dataLength]));

    private string Refusal(byte[] file)
    {
        string path = Save(file);
        string message = Should.Throw<InvalidDataException>(() => SafetensorsFile.Open(path)).Message;
        message.ShouldStartWith($"Cannot read '{path}': ");
        message.ShouldEndWith(".");
        return message;
    }

    private string Save(byte[] file)
    {
        string path = _folder.File("hostile.safetensors");
        File.WriteAllBytes(path, file);
        return path;
    }
}
