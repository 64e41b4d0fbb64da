using System.Text;
using Quatrain.Models.Hub;

namespace Quatrain.Models.Tests.Hub;

public sealed class HubFileSelectionTests
{
    private static readonly HubModelName Name = HubModelName.Parse("owner/name");

    [Fact]
    public void A_model_is_its_configuration_tokenizer_and_one_format_of_weights() => Choose(
        "64.tflite", "README.md", "config.json", "flax_model.msgpack", "generation_config.json", "merges.txt", "model.safetensors", "onnx/config.json", "onnx/decoder_model.onnx",
        "pytorch_model.bin", "rust_model.ot", "tf_model.h5", "tokenizer.json", "tokenizer_config.json", "vocab.json")
        .ShouldBe(["config.json", "generation_config.json", "tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "model.safetensors"]);

    [Fact]
    public void Without_safetensors_it_is_pytorchs_file() => Choose("config.json", "pytorch_model.bin", "tf_model.h5").ShouldBe(["config.json", "pytorch_model.bin"]);

    [Fact]
    public void Of_several_files_the_index_says_which()
    {
        HubListing listing = Listing("pytorch_model.bin", "model.safetensors.index.json", "a.safetensors", "b.safetensors", "c.safetensors");

        HubFileSelection.Index(listing, []).ShouldBe("model.safetensors.index.json");
        HubFileSelection.Choose(Name, listing, [], ["b.safetensors", "a.safetensors"]).ShouldBe(["model.safetensors.index.json", "a.safetensors", "b.safetensors"]);
        Should.Throw<InvalidDataException>(() => HubFileSelection.Choose(Name, listing, [], ["d.safetensors"])).Message.ShouldStartWith("'owner/name' has no file 'd.safetensors'");
    }

    [Fact]
    public void One_gguf_is_taken_and_several_are_to_choose_from()
    {
        Choose("README.md", "q8/model.gguf").ShouldBe(["q8/model.gguf"]);
        Should.Throw<InvalidDataException>(() => Choose("a-q4_0.gguf", "a-q8_0.gguf", "README.md")).Message
            .ShouldBe("'owner/name' has several .gguf files; choose one with --file: it has a-q4_0.gguf, a-q8_0.gguf.");
    }

    [Fact]
    public void Without_weights_the_error_names_what_there_is() =>
        Should.Throw<InvalidDataException>(() => Choose([.. Enumerable.Range(10, 20).Select(i => $"{i}.onnx")])).Message
            .ShouldBe(
                "'owner/name' has no weights in a format known here (model.safetensors, pytorch_model.bin or one .gguf); "
                + "it has 10.onnx, 11.onnx, 12.onnx, 13.onnx, 14.onnx, 15.onnx, 16.onnx, 17.onnx, 18.onnx, 19.onnx, 20.onnx, 21.onnx and 8 more, to be chosen with --file.");

    [Fact]
    public void Files_named_are_taken_once_and_no_others()
    {
        HubListing listing = Listing("config.json", "model.safetensors.index.json", "tf_model.h5");

        HubFileSelection.Index(listing, ["tf_model.h5"]).ShouldBeNull();
        HubFileSelection.Choose(Name, listing, ["tf_model.h5", "tf_model.h5"], []).ShouldBe(["tf_model.h5"]);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"weight_map\": []}")]
    [InlineData("{\"weight_map\": {\"a\": 1}}")]
    [InlineData("{\"weight_map\": {\"a\": null}}")]
    public void An_index_that_is_none_is_refused(string json) =>
        Should.Throw<InvalidDataException>(() => HubFileSelection.ReadIndex(Name, "x.index.json", Encoding.UTF8.GetBytes(json))).Message
            .ShouldBe("'x.index.json' of 'owner/name' does not say in which files the weights are; choose the files with --file.");

    private static IReadOnlyList<string> Choose(params string[] files) => HubFileSelection.Choose(Name, Listing(files), [], []);

    private static HubListing Listing(params string[] files) => new(new string('a', 40), files.ToDictionary(file => file, _ => (HubFile?)null));
}
