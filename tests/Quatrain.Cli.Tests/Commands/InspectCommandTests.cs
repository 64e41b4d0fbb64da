using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models;
using Quatrain.Training;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Tests.Commands;

[Collection(TinyRunTests.Name)]
public sealed class InspectCommandTests(TinyRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Json_of_a_model_has_its_sizes_memory_and_tensors()
    {
        JsonElement json = await Inspect(run.Path);

        TinyRun.Names(json).ShouldBe(
        [
            "parameters", "layer_count", "head_count", "embedding_size", "context_length", "vocabulary_size", "training_memory", "decoding_memory",
            "training_step_gflop", "tensors",
        ]);
        long parameters = json.GetProperty("parameters").GetInt64();
        using ILanguageModel model = ModelFile.Load(run.Path);
        parameters.ShouldBe(model.Parameters.ElementCount);
        parameters.ShouldBe(run.Training.Json().GetProperty("parameters").GetInt64());
        parameters.ShouldBe(json.GetProperty("tensors").EnumerateArray().Sum(tensor => tensor.GetProperty("parameters").GetInt64()));
        string.Concat(json.GetProperty("tensors")[0].GetRawText().Where(c => !char.IsWhiteSpace(c))).ShouldBe("""{"name":"wte.weight","shape":[21,16],"parameters":336}""");
        JsonElement training = json.GetProperty("training_memory");
        training.GetProperty("batch_size").GetInt32().ShouldBe(4);
        training.GetProperty("slice_size").GetInt32().ShouldBe(4);
        training.GetProperty("weights_bytes").GetInt64().ShouldBe(4 * parameters);
        training.GetProperty("optimizer_bytes").GetInt64().ShouldBe(8 * parameters);
        json.GetProperty("decoding_memory").GetProperty("cache_bytes").GetInt64().ShouldBe(2 * 4 * TinyRun.ContextLength * 16);
    }

    [Fact]
    public async Task Json_of_a_weights_file_has_its_tensors()
    {
        JsonElement json = await Inspect(Path.Combine(run.Path, "model.safetensors"));

        TinyRun.Names(json).ShouldBe(["parameters", "metadata", "tensors"]);
        json.GetProperty("parameters").GetInt64().ShouldBe(run.Training.Json().GetProperty("parameters").GetInt64());
        json.GetProperty("metadata").GetProperty("format").GetString().ShouldBe("pt");
    }

    [Theory]
    [InlineData("nano", 8)]
    [InlineData("quatrains", 64)]
    [InlineData("shakespeare-char-cpu", 128)]
    [InlineData("shakespeare-char", 384)]
    [InlineData("gpt2-medium", 1024)]
    public async Task Json_of_a_preset_has_what_it_would_train(string preset, int embeddingSize) =>
        (await Inspect("--preset", preset)).GetProperty("embedding_size").GetInt32().ShouldBe(embeddingSize);

    /// <summary>16 bytes a weight, and the activations of one sequence at a time.</summary>
    [Fact]
    public async Task The_largest_published_size_has_the_forecast_that_training_it_is_refused_by()
    {
        JsonElement json = await Inspect("--preset", "gpt2-xl");

        json.GetProperty("parameters").GetInt64().ShouldBe(1_557_611_200);
        JsonElement training = json.GetProperty("training_memory");
        training.GetProperty("slice_size").GetInt32().ShouldBe(1);
        training.GetProperty("evaluation_bytes").GetInt64().ShouldBePositive();
        training.GetProperty("sampling_bytes").GetInt64().ShouldBePositive();
        training.GetProperty("total_bytes").GetInt64().ShouldBe(
            TrainingMemory.OfRun(TrainingRun.ModelConfig(Presets.Load("gpt2-xl"), 50_257), Presets.Load("gpt2-xl")).TotalBytes);
    }

    /// <summary>Activations exist for one slice of a batch at a time.</summary>
    [Fact]
    public async Task A_larger_batch_takes_no_more_memory_than_a_slice()
    {
        JsonElement one = (await Inspect("--preset", "shakespeare-char", "--batch-size", "8")).GetProperty("training_memory");
        JsonElement eight = (await Inspect("--preset", "shakespeare-char", "--batch-size", "64")).GetProperty("training_memory");

        eight.GetProperty("slice_size").GetInt32().ShouldBe(8);
        eight.GetProperty("total_bytes").GetInt64().ShouldBe(one.GetProperty("total_bytes").GetInt64());
    }

    [Fact]
    public async Task Without_json_writes_a_table()
    {
        string table = (await CommandLine.Run("inspect", run.Path)).Success();

        table.ShouldContain("wte.weight");
        table.ShouldContain("Memory to train, batch 4 x 16 tokens");
        (await CommandLine.Run("inspect", Path.Combine(run.Path, "model.safetensors"))).Success().ShouldContain("F32 [21, 16]");
    }

    [Fact]
    public async Task Refuses_what_it_can_not_show()
    {
        string missing = _folder.File("none");

        (await CommandLine.Run("inspect")).Refusal().ShouldBe("Name either a model or a --preset to inspect.");
        (await CommandLine.Run("inspect", run.Path, "--preset", "nano")).Refusal().ShouldBe("Name either a model or a --preset to inspect.");
        (await CommandLine.Run("inspect", "--preset", "nono")).Refusal().ShouldStartWith("Unknown preset 'nono'; did you mean 'nano'?");
        (await CommandLine.Run("inspect", missing)).Refusal()
            .ShouldBe($"Cannot load a model from '{missing}': there is no such folder or file; name a folder with config.json and weights, a file of weights, or a model that 'quatrain pull' fetched, such as gpt2.");
        (await CommandLine.Run("inspect", run.Path, "--batch-size", "0")).Refusal().ShouldBe("--batch-size is 0; it must lie between 1 and 1048576.");
        (await CommandLine.Run("inspect", run.Path, "--context-length", "17")).Refusal().ShouldBe("--context-length is 17; it must lie between 1 and 16.");
        (await CommandLine.Run("inspect", run.Path, "--batch-size", "x")).Refusal()
            .ShouldBe("--batch-size must be a whole number, not 'x'; see 'quatrain inspect --help'.");
        (await CommandLine.Run("inspect", run.TextPath)).Refusal().ShouldContain("so it is damaged or no safetensors file");
    }

    private static async Task<JsonElement> Inspect(params string[] options) => (await CommandLine.Run(["inspect", "--json", .. options])).Json();
}
