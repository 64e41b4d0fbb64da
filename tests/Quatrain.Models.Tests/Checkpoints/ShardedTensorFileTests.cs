using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Tests.Checkpoints;

public sealed class ShardedTensorFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public ShardedTensorFileTests()
    {
        Shard("one", ("a", [1, 2]), ("b", [3]));
        Shard("two", ("c", [4, 5, 6]));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_are_found_in_whichever_file_they_are()
    {
        using ShardedTensorFile file = Open("""{"metadata":{"total_size":24},"weight_map":{"a":"one","c":"two","b":"one"}}""");

        file.Entries.Select(entry => entry.Name).ShouldBe(["a", "b", "c"]);
        file.TryGet("c", out TensorEntry? c).ShouldBeTrue();
        float[] values = new float[2];
        file.ReadFloatRange(c, 1, values);
        values.ShouldBe([5, 6]);
        file.Locate(c)!.Value.Path.ShouldBe(_folder.File("two"));
        file.TryGet("d", out _).ShouldBeFalse();
    }

    [Fact]
    public void An_entry_of_another_file_is_refused()
    {
        using ShardedTensorFile file = Open("""{"weight_map":{"a":"one","c":"two","b":"one"}}""");
        using SafetensorsFile other = SafetensorsFile.Open(_folder.File("two"));
        Should.Throw<ArgumentException>(() => file.ReadFloatRange(other.Entries[0], 0, new float[1]));
        Should.Throw<ArgumentException>(() => file.Locate(other.Entries[0]));
    }

    [Theory]
    [InlineData("{}", "no weight_map")]
    [InlineData("""{"weight_map":[]}""", "no weight_map")]
    [InlineData("""{"weight_map":{}}""", "weight_map is empty")]
    [InlineData("""{"weight_map":{"a":1}}""", "the file of tensor 'a' is not a text")]
    [InlineData("""{"weight_map":{"a":"one","a":"one"}}""", "names a setting twice")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":"../two"}}""", "not a file beside it")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":"/etc/passwd"}}""", "not a file beside it")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":"sub/two"}}""", "not a file beside it")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":"sub\\two"}}""", "not a file beside it")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":"C:two"}}""", "not a file beside it")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":".."}}""", "not a file beside it")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":""}}""", "not a file beside it")]
    [InlineData("""{"weight_map":{"a":"one","c":"two"}}""", "does not list tensor 'b', which is in 'one'")]
    [InlineData("""{"weight_map":{"a":"one","b":"one","c":"two","d":"two"}}""", "says that tensor 'd' is in 'two', which does not hold it")]
    [InlineData("""{"weight_map":{"a":"two","b":"one","c":"two"}}""", "says that tensor 'a' is in 'two', but 'one' holds one of that name")]
    [InlineData("""{"weight_map":""", "not valid JSON")]
    [InlineData("""{"weight_map":{"\ud800":"one"}}""", "")]
    [InlineData("""{"weight_map":{"a":"\ud800"}}""", "not valid Unicode")]
    public void A_wrong_index_is_refused(string index, string problem) => Should.Throw<InvalidDataException>(() => Open(index)).Message.ShouldContain(problem);

    [Fact]
    public void A_tensor_in_two_files_is_refused()
    {
        Shard("two", ("a", [4]), ("c", [4]));
        Should.Throw<InvalidDataException>(() => Open("""{"weight_map":{"a":"one","b":"one","c":"two"}}"""))
            .Message.ShouldContain("says that tensor 'a' is in 'one', but 'two' holds one of that name");
    }

    [Fact]
    public void A_missing_file_is_named() => Should.Throw<FileNotFoundException>(() => Open("""{"weight_map":{"a":"one","b":"one","c":"three"}}"""))
        .Message.ShouldContain("'three', which it names, is not beside it");

    [Fact]
    public void A_damaged_file_is_refused_and_the_others_are_closed()
    {
        File.WriteAllBytes(_folder.File("two"), [1, 2, 3]);
        Should.Throw<InvalidDataException>(() => Open("""{"weight_map":{"a":"one","b":"one","c":"two"}}""")).Message.ShouldContain("'" + _folder.File("two") + "'");
        using FileStream exclusive = new(_folder.File("one"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
    }

    private ShardedTensorFile Open(string index)
    {
        string path = _folder.File("model.safetensors.index.json");
        File.WriteAllText(path, index);
        return ShardedTensorFile.Open(path, SafetensorsFile.Open);
    }

    private void Shard(string name, params (string Name, float[] Values)[] tensors) => SafetensorsWriter.Write(
        _folder.File(name), [.. tensors.Select(tensor => new SafetensorsTensor(tensor.Name, [tensor.Values.Length], tensor.Values))]);
}
