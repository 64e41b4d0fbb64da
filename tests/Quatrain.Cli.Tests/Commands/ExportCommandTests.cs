using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models.Gpt2;
using Quatrain.Tests;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Tests.Commands;

public sealed class ExportCommandTests : IDisposable
{
    private const string Vocabulary = "gpt2-tokenizer/encoder.json";

    private readonly TemporaryFolder _folder = new();

    private static string Fixture(string name) => Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "import", name);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.gguf")]
    [InlineData("model.bin")]
    [InlineData("folder")]
    public async Task A_model_goes_through_every_format_and_generates_the_same(string target)
    {
        Outcome exported = await CommandLine.Run("export", Fixture("hf-f32"), "--out", _folder.File(target), "--json");
        exported.ExitCode.ShouldBe(0, exported.Error);
        JsonDocument.Parse(exported.Output).RootElement.GetProperty("parameters").GetInt64().ShouldBe(28384);

        string expected = await Generate(Fixture("hf-f32"));
        (await Generate(_folder.File(target))).ShouldBe(expected);
        (await Generate(Fixture("tiny-f32.gguf"))).ShouldBe(expected);
    }

    [Theory]
    [InlineData("tiny-q8_0.gguf", "Q8_0 [67, 32]", "general.architecture: gpt2")]
    [InlineData("tiny-bf16.bin", "BF16 [67, 32]", "h.1.qkvw")]
    [InlineData("hf-f32/model.safetensors", "F32 [67, 32]", "wte.weight")]
    public async Task Inspect_shows_files_of_every_format(string name, string tensor, string note)
    {
        Outcome outcome = await CommandLine.Run("inspect", Fixture(name));
        outcome.ExitCode.ShouldBe(0, outcome.Error);
        outcome.Output.ShouldContain(tensor);
        outcome.Output.ShouldContain(note);
    }

    [Fact]
    public async Task Inspect_shows_a_folder_of_several_files() =>
        (await CommandLine.Run("inspect", Fixture("hf-f16"))).Output.ShouldContain("2 layers, 4 heads of 8, 32 wide");

    [Theory]
    [InlineData("model.gguf", "--weights", "int4", "--weights is 'int4'; it must be one of fp32, bf16, fp16, int8")]
    [InlineData("model.gguf", "--format", "onnx", "--format is 'onnx'; it must be one of huggingface, gguf, llmc")]
    [InlineData("model.bin", "--weights", "int8", "llm.c reads fp32 and bf16 weights only")]
    [InlineData("folder", "--weights", "int8", "8-bit")]
    [InlineData("model.safetensors", "--weights", "fp32", "a model for Hugging Face is a folder")]
    [InlineData("folder/", "--weights", "int8", "8-bit")]
    [InlineData("absent/model.gguf", "--weights", "fp32", "does not exist")]
    [InlineData("absent/model.bin", "--weights", "bf16", "does not exist")]
    public async Task A_wrong_wish_is_bad_input(string target, string option, string value, string problem)
    {
        Outcome outcome = await CommandLine.Run("export", Fixture("hf-f32"), "--out", _folder.File(target), option, value);
        outcome.Refusal().ShouldContain(problem);
        Path.Exists(_folder.File(target)).ShouldBeFalse();
    }

    [Fact]
    public async Task Neither_the_model_itself_nor_a_run_is_written_over()
    {
        File.Copy(Fixture("tiny-f32.gguf"), _folder.File("model.gguf"));
        (await CommandLine.Run("export", _folder.File("model.gguf"), "--out", _folder.File("model.gguf"))).Error.ShouldContain("where the model itself is");
        File.WriteAllText(_folder.File("training.json"), "{}");
        (await CommandLine.Run("export", Fixture("hf-f32"), "--out", _folder.Path)).Error.ShouldContain("holds a training run");
        File.ReadAllBytes(_folder.File("model.gguf")).ShouldBe(File.ReadAllBytes(Fixture("tiny-f32.gguf")));
    }

    [Fact]
    public async Task A_character_model_keeps_its_tokenizer_in_a_folder_and_is_refused_as_GGUF()
    {
        string model = SaveModel(vocabularySize: 3);
        File.WriteAllBytes(Path.Combine(model, "tokenizer.json"), CharacterTokenizer.FromText("abc").ToJson());
        Outcome folder = await CommandLine.Run("export", model, "--out", _folder.File("exported"));
        folder.Output.ShouldContain("a character tokenizer's, which only Quatrain reads");
        (await CommandLine.Run("generate", _folder.File("exported"), "--prompt", "ab", "--max-tokens", "3")).ExitCode.ShouldBe(0);
        (await CommandLine.Run("export", model, "--out", _folder.File("model.gguf"))).Refusal().ShouldContain("its tokenizer is a character tokenizer");
    }

    [SharedDataFact(Vocabulary)]
    public async Task The_vocabulary_of_GPT_2_goes_with_the_model_and_padding_is_never_generated()
    {
        string model = SaveModel(vocabularySize: 50304);
        foreach (string name in (string[])["encoder.json", "vocab.bpe"])
        {
            File.Copy(SharedData.Get($"gpt2-tokenizer/{name}"), Path.Combine(model, name));
        }

        string[] arguments = ["--prompt", "Alan Turing", "--max-tokens", "12", "--seed", "3", "--json"];
        JsonElement expected = Result(await CommandLine.Run(["generate", model, .. arguments]));
        expected.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()).ShouldBe([36235, 39141]);
        expected.GetProperty("ids").EnumerateArray().ShouldAllBe(id => id.GetInt32() < 50257);
        foreach (string target in (string[])["model.gguf", "folder"])
        {
            (await CommandLine.Run("export", model, "--out", _folder.File(target))).ExitCode.ShouldBe(0);
            Result(await CommandLine.Run(["generate", _folder.File(target), .. arguments])).GetProperty("ids").GetRawText().ShouldBe(expected.GetProperty("ids").GetRawText());
        }

        Directory.GetFiles(_folder.File("folder")).Select(Path.GetFileName).Order().ShouldBe(
            ["config.json", "merges.txt", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.json"]);
    }

    private static JsonElement Result(Outcome outcome)
    {
        outcome.ExitCode.ShouldBe(0, outcome.Error);
        return JsonDocument.Parse(outcome.Output).RootElement;
    }

    private static async Task<string> Generate(string model) =>
        Result(await CommandLine.Run("generate", model, "--prompt-ids", "5,0,66", "--max-tokens", "20", "--temperature", "0", "--json")).GetProperty("ids").GetRawText();

    private string SaveModel(int vocabularySize)
    {
        using Gpt2Model model = new(new Gpt2Config { LayerCount = 1, HeadCount = 1, EmbeddingSize = 4, ContextLength = 32, VocabularySize = vocabularySize });
        Gpt2Initialization.Initialize(model, InitializationScheme.Gpt2, seed: 1);
        Gpt2Checkpoint.Save(_folder.File("model"), model);
        return _folder.File("model");
    }
}
