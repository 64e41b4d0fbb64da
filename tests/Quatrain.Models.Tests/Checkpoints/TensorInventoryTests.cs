using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Tests.Checkpoints;

public sealed class TensorInventoryTests : IDisposable
{
    private static readonly (string Name, long[] Shape)[] Expected = [("wte.weight", [4, 2]), ("h.0.ln_1.bias", [2])];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "")]
    [InlineData("transformer.", "transformer.")]
    [InlineData("transformer.", "")]
    public void Check_finds_names_with_and_without_the_prefix(string first, string second)
    {
        using SafetensorsFile file = Open((first + "wte.weight", [4, 2]), (second + "h.0.ln_1.bias", [2]));
        IReadOnlyDictionary<string, TensorEntry> found = TensorInventory.Check(file, Expected);
        found.Count.ShouldBe(2);
        found["wte.weight"].Name.ShouldBe(first + "wte.weight");
        found["h.0.ln_1.bias"].Name.ShouldBe(second + "h.0.ln_1.bias");
    }

    [Fact]
    public void Check_without_a_prefix_takes_names_as_they_are()
    {
        using SafetensorsFile file = Open(("wte.weight", [4, 2]), ("h.0.ln_1.bias", [2]));
        TensorInventory.Check(file, Expected, optionalPrefix: "").Keys.ShouldBe(["wte.weight", "h.0.ln_1.bias"]);
    }

    [Fact]
    public void Check_passes_over_extra_tensors_that_are_known()
    {
        using SafetensorsFile file = Open(
            ("transformer.wte.weight", [4, 2]), ("transformer.h.0.ln_1.bias", [2]), ("transformer.h.0.attn.masked_bias", []), ("lm_head.weight", [4, 2]));
        List<string> asked = [];
        TensorInventory.Check(file, Expected, name =>
        {
            asked.Add(name);
            return true;
        }).Count.ShouldBe(2);
        asked.ShouldBe(["h.0.attn.masked_bias", "lm_head.weight"]);
        Refusal(file, name => name == "lm_head.weight").ShouldContain("1 tensor is unexpected ('transformer.h.0.attn.masked_bias')");
    }

    [Fact]
    public void Check_lists_all_missing_unexpected_and_misshapen_tensors_at_once()
    {
        using SafetensorsFile file = Open(("a", [1]), ("wte.weight", [2, 4]), ("b", [1]));
        Refusal(file).ShouldBe(
            $"Cannot load '{file.Path}': 1 tensor is missing ('h.0.ln_1.bias'); 2 tensors are unexpected ('a', 'b'); "
            + "1 tensor is of the wrong shape ('wte.weight' is [2, 4], not [4, 2]); "
            + "use a checkpoint of this architecture, or the configuration that belongs to it.");
    }

    [Fact]
    public void Check_tells_shapes_of_equal_size_and_unlike_rank_apart()
    {
        using SafetensorsFile file = Open(("wte.weight", [4, 2]), ("h.0.ln_1.bias", [1, 2]));
        Refusal(file).ShouldContain("'h.0.ln_1.bias' is [1, 2], not [2]");
    }

    [Fact]
    public void Check_caps_a_long_list_and_gives_its_length()
    {
        using SafetensorsFile file = Open([.. Enumerable.Range(0, 11).Select(i => ($"x{i}", new long[] { 1 }))]);
        string message = Refusal(file);
        message.ShouldContain("2 tensors are missing ('wte.weight', 'h.0.ln_1.bias')");
        message.ShouldContain("11 tensors are unexpected ('x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8', 'x9' and 1 more)");
    }

    [Fact]
    public void Check_refuses_a_tensor_that_is_there_twice()
    {
        using SafetensorsFile file = Open(("wte.weight", [4, 2]), ("transformer.wte.weight", [4, 2]), ("h.0.ln_1.bias", [2]));
        Refusal(file).ShouldContain("1 tensor is there both with and without 'transformer.' ('wte.weight')");
    }

    [Fact]
    public void Check_refuses_a_tensor_of_integers()
    {
        const string Header = """{"wte.weight":{"dtype":"I8","shape":[4,2],"data_offsets":[0,8]},"h.0.ln_1.bias":{"dtype":"F16","shape":[2],"data_offsets":[8,12]}}""";
        File.WriteAllBytes(_folder.File("x"), SafetensorsBytes.Join(Header, new byte[12]));
        using SafetensorsFile file = SafetensorsFile.Open(_folder.File("x"));
        Refusal(file).ShouldContain("1 tensor is not of a floating-point type ('wte.weight' is I8)");
    }

    [Fact]
    public void Check_with_a_name_expected_twice_is_an_argument_error()
    {
        using SafetensorsFile file = Open(("wte.weight", [4, 2]));
        Should.Throw<ArgumentException>(() => TensorInventory.Check(file, [("x", [1]), ("x", [1])]));
    }

    private static string Refusal(SafetensorsFile file, Func<string, bool>? ignoreExtra = null) =>
        Should.Throw<InvalidDataException>(() => TensorInventory.Check(file, Expected, ignoreExtra)).Message;

    private SafetensorsFile Open(params (string Name, long[] Shape)[] tensors)
    {
        SafetensorsWriter.Write(
            _folder.File("x"),
            [.. tensors.Select(tensor => new SafetensorsTensor(tensor.Name, tensor.Shape, new float[tensor.Shape.Aggregate(1L, (a, b) => a * b)]))]);
        return SafetensorsFile.Open(_folder.File("x"));
    }
}
