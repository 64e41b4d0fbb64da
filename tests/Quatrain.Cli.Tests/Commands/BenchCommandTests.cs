using System.Text.Json;
using Quatrain.Cli.Commands;
using Quatrain.Cli.Hosting;
using Quatrain.Cli.Tests.Support;
using Quatrain.Inference;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Cli.Tests.Commands;

public sealed class BenchCommandTests
{
    [Fact]
    public async Task Json_has_the_machine_the_step_and_its_operations()
    {
        JsonElement json = (await CommandLine.Run(
            "bench", "--preset", "nano", "--batch-size", "2", "--context-length", "8", "--steps", "2", "--threads", "1", "--json")).Json();

        TinyRun.Names(json).ShouldBe(
        [
            "preset", "threads", "lanes", "peak_gflops", "memory_gb_s", "parameters", "batch_size", "context_length", "dropout", "steps", "step_ms", "step_ms_min",
            "step_gflops", "share_of_peak", "tokens_per_second", "peak_memory_mb", "operations", "other_ms",
        ]);
        json.GetProperty("preset").GetString().ShouldBe("nano");
        json.GetProperty("threads").GetInt32().ShouldBe(1);
        json.GetProperty("lanes").GetInt32().ShouldBe(WorkerPool.Lanes);
        // 3 blocks of 12 C^2 and two norms, 65 characters and 8 positions, one norm; C = 8.
        json.GetProperty("parameters").GetInt64().ShouldBe(3 * (12 * 64 + 16) + (65 + 8) * 8 + 8);
        json.GetProperty("batch_size").GetInt32().ShouldBe(2);
        json.GetProperty("context_length").GetInt32().ShouldBe(8);
        json.GetProperty("steps").GetInt32().ShouldBe(2);
        json.GetProperty("memory_gb_s").GetDouble().ShouldBePositive();
        json.GetProperty("peak_memory_mb").GetDouble().ShouldBePositive();
        double ms = json.GetProperty("step_ms").GetDouble(), gflops = json.GetProperty("step_gflops").GetDouble();
        json.GetProperty("step_ms_min").GetDouble().ShouldBeInRange(double.Epsilon, ms);
        json.GetProperty("tokens_per_second").GetDouble().ShouldBe(16 / ms * 1e3, 1e-6 * 16 / ms * 1e3);
        // 6 a weight of the products and token, and 12 L T C a token for attention.
        double flops = 16 * (6 * (3 * 12 * 64 + 65 * 8) + 12.0 * 3 * 8 * 8);
        gflops.ShouldBe(flops / ms / 1e6, 1e-6 * gflops);
        json.GetProperty("share_of_peak").GetDouble().ShouldBe(gflops / json.GetProperty("peak_gflops").GetDouble(), 1e-9);
    }

    [Fact]
    public async Task Each_operation_has_its_size_its_time_and_one_speed()
    {
        JsonElement json = (await CommandLine.Run("bench", "--preset", "nano", "--steps", "1", "--threads", "1", "--json")).Json();
        JsonElement[] operations = [.. json.GetProperty("operations").EnumerateArray()];

        foreach (JsonElement operation in operations)
        {
            TinyRun.Names(operation).ShouldBe(["name", "rows", "columns", "depth", "calls", "ms", "gflops", "gb_s", "share_of_step", "share_of_peak"]);
            string name = operation.GetProperty("name").GetString()!;
            bool isProduct = operation.GetProperty("depth").GetInt32() > 0;
            operation.GetProperty("gflops").ValueKind.ShouldBe(isProduct ? JsonValueKind.Number : JsonValueKind.Null, name);
            operation.GetProperty("gb_s").ValueKind.ShouldBe(isProduct ? JsonValueKind.Null : JsonValueKind.Number, name);
            string speed = isProduct ? "gflops" : "gb_s", peak = isProduct ? "peak_gflops" : "memory_gb_s";
            operation.GetProperty("share_of_peak").GetDouble().ShouldBe(operation.GetProperty(speed).GetDouble() / json.GetProperty(peak).GetDouble(), 1e-9, name);
        }

        // A product of every linear layer of the 3 blocks, from 8 to 24, 8, 32 and 8 columns, over 32 x 32 tokens.
        JsonElement first = operations.Single(operation => operation.GetProperty("name").GetString() == "linear, forward" && operation.GetProperty("columns").GetInt32() == 24);
        (first.GetProperty("rows").GetInt32(), first.GetProperty("depth").GetInt32(), first.GetProperty("calls").GetDouble()).ShouldBe((1024, 8, 3));
        double share = operations.Sum(operation => operation.GetProperty("share_of_step").GetDouble());
        share.ShouldBeInRange(0.1, 1);
        double total = operations.Sum(operation => operation.GetProperty("ms").GetDouble()) + json.GetProperty("other_ms").GetDouble();
        share.ShouldBe(1 - json.GetProperty("other_ms").GetDouble() / total, 1e-9);
    }

    [Fact]
    public async Task Without_json_writes_the_machine_the_step_and_a_table()
    {
        string output = (await CommandLine.Run("bench", "--preset", "quatrains", "--batch-size", "1", "--steps", "1", "--threads", "2")).Success();

        output.ShouldMatch(@"^Machine  2 threads, \d+ lanes a register: at most [\d,.]+ GFLOP/s in multiply-adds, [\d,.]+ GB/s from memory\n");
        output.ShouldMatch(@"\nModel    quatrains: [\d,]+ parameters, random; batch 1 x 128 tokens, without dropout\n");
        output.ShouldMatch(@"\nStep     [\d,.]+ ms \(median of 1; fastest [\d,.]+ ms\), [\d,]+ tokens/s, peak memory [\d,.]+ MB\n");
        output.ShouldMatch(@"\n         [\d,.]+ GFLOP/s, [\d.]+ % of the multiply-add peak\n");
        output.ShouldContain("128x256x64");
        output.ShouldContain("AdamW");
        output.ShouldContain("everything else");
    }

    [Fact]
    public async Task A_presets_dropout_is_measured_too()
    {
        string output = (await CommandLine.Run(
            "bench", "--preset", "shakespeare-char", "--batch-size", "1", "--context-length", "4", "--steps", "1", "--threads", "1")).Success();

        output.ShouldContain("batch 1 x 4 tokens, dropout 0.2");
        output.ShouldContain("dropout, backward");
    }

    [Fact]
    public async Task Decoding_is_measured_too()
    {
        string[] arguments = ["bench", "--preset", "nano", "--decode", "--context-length", "5", "--steps", "9", "--batch-size", "3", "--threads", "1"];

        JsonElement json = (await CommandLine.Run([.. arguments, "--json"])).Json();
        string output = (await CommandLine.Run(arguments)).Success();

        TinyRun.Names(json).ShouldBe(
        [
            "preset", "weights", "threads", "lanes", "peak_gflops", "memory_gb_s", "parameters", "prompt_tokens", "prompt_ms", "prompt_ms_min", "prompt_tokens_per_second",
            "prompt_gflops", "prompt_share_of_peak", "batch_size", "steps", "step_ms", "step_ms_min", "tokens_per_second", "step_gb_s", "step_share_of_memory",
            "peak_memory_mb", "prompt_operations", "operations",
        ]);
        (Int("prompt_tokens"), Int("batch_size"), Int("steps")).ShouldBe((5, 3, 9));
        Number("prompt_tokens_per_second").ShouldBe(5 / Number("prompt_ms") * 1e3, 1e-6 * Number("prompt_tokens_per_second"));
        Number("tokens_per_second").ShouldBe(3 / Number("step_ms") * 1e3, 1e-6 * Number("tokens_per_second"));
        // The prompt's 5 tokens are rows of a product; the steps have a row for each of 3 sequences.
        Rows("prompt_operations", "linear, forward").Distinct().Order().ShouldBe([1, 5]);
        Rows("operations", "linear, forward").Distinct().ShouldBe([3]);
        Rows("operations", "attention, cached").ShouldBe([3]);
        output.ShouldMatch(@"\nPrompt   5 tokens in [\d,.]+ ms \(median of [\d,]+; fastest [\d,.]+ ms\): [\d,]+ tokens/s, [\d,.]+ GFLOP/s, [\d.]+ % of the multiply-add peak\n");
        output.ShouldMatch(@"\nDecode   9 tokens after it, 3 at a time: [\d,.]+ ms \(median; fastest [\d,.]+ ms\), [\d,.]+ tokens/s, [\d,.]+ GB/s, [\d,.]+ % of memory's speed\n");

        int Int(string name) => json.GetProperty(name).GetInt32();
        double Number(string name) => json.GetProperty(name).GetDouble();
        IEnumerable<int> Rows(string list, string operation) => json.GetProperty(list).EnumerateArray()
            .Where(entry => entry.GetProperty("name").GetString() == operation).Select(entry => entry.GetProperty("rows").GetInt32());
    }

    [Fact]
    public async Task Weights_of_another_format_are_decoded_with_and_their_bytes_counted()
    {
        Gpt2Config config = NamedModel.Find("nano").Config;

        JsonElement json = (await CommandLine.Run(
            "bench", "--preset", "nano", "--decode", "--weights", "int8", "--context-length", "4", "--steps", "3", "--threads", "1", "--json")).Json();

        json.GetProperty("weights").GetString().ShouldBe("int8");
        // Of the position table, and of an embedding that is not the head too, a token reads one row.
        long looked = 4L * config.ContextLength * config.EmbeddingSize;
        looked += config.TieEmbeddings ? 0 : WeightMemory.ByteCount(config.VocabularySize, config.EmbeddingSize, WeightFormat.Int8);
        double bytes = Gpt2Memory.WeightBytes(config, WeightFormat.Int8) - looked + Gpt2Memory.KvCacheBytes(config, 1, 4 + 2);
        (json.GetProperty("step_gb_s").GetDouble() * json.GetProperty("step_ms").GetDouble() * 1e6).ShouldBe(bytes, 1e-6 * bytes);
    }

    [Theory]
    [InlineData("int8", "--weights goes with --decode only: training is in fp32; add --decode, or leave --weights out.")]
    [InlineData("int4", "--weights is 'int4'; it must be fp32, bf16 or int8.")]
    public async Task Refuses_weights_that_can_not_be(string weights, string sentence) =>
        (await CommandLine.Run("bench", "--weights", weights)).Refusal().ShouldBe(sentence);

    [Theory]
    [InlineData("--context-length", "1023", "--context-length is 1023; it must lie between 1 and 1022.")]
    [InlineData("--steps", "512", "--steps is 512; it must lie between 1 and 511.")]
    [InlineData("--batch-size", "5000", "--batch-size is 5000; it must lie between 1 and 4096.")]
    public async Task Refuses_to_decode_what_it_can_not(string option, string value, string sentence) =>
        (await CommandLine.Run("bench", "--preset", "gpt2", "--decode", option, value)).Refusal().ShouldBe(sentence);

    [Fact]
    public void Refuses_to_decode_what_does_not_fit_in_memory_and_nothing_else()
    {
        Gpt2Config config = NamedModel.Find("gpt2").Config;
        BenchCommand.DecodeSizes sizes = BenchCommand.DecodeSizes.For(config, 8, 100, 20);
        sizes.ShouldBe(new BenchCommand.DecodeSizes(8, 100, 21));
        long needed = Gpt2Memory.DecodingBytes(config, 8, 121, TokenGenerator.PromptChunk);

        sizes.CheckFits(config, WeightFormat.Float32, needed);
        Should.Throw<InvalidDataException>(() => sizes.CheckFits(config, WeightFormat.Float32, needed - 1)).Message.ShouldStartWith("Decoding 8 sequences of 121 tokens with this model needs ");
        BenchCommand.DecodeSizes.For(config, null, null, null).ShouldBe(new BenchCommand.DecodeSizes(1, 512, 129));
    }

    [Theory]
    [InlineData("--preset", "gpt3", "Unknown preset 'gpt3'; did you mean 'gpt2'? There are distilgpt2, gpt2, gpt2-large, gpt2-medium, gpt2-xl, nano, quatrains, shakespeare-char, shakespeare-char-cpu.")]
    [InlineData("--preset", "nonesuch", "Unknown preset 'nonesuch'; there are distilgpt2, gpt2, gpt2-large, gpt2-medium, gpt2-xl, nano, quatrains, shakespeare-char, shakespeare-char-cpu.")]
    [InlineData("--batch-size", "0", "--batch-size is 0; it must lie between 1 and 1048576.")]
    [InlineData("--context-length", "-1", "--context-length is -1; it must lie between 1 and 1048576.")]
    [InlineData("--steps", "0", "--steps is 0; it must lie between 1 and 1000000.")]
    [InlineData("--steps", "few", "--steps must be a whole number, not 'few'; see 'quatrain bench --help'.")]
    public async Task Refuses_what_it_can_not_measure(string option, string value, string sentence) =>
        (await CommandLine.Run("bench", option, value)).Refusal().ShouldBe(sentence);

    [Fact]
    public async Task Refuses_a_context_that_a_published_model_has_not() =>
        (await CommandLine.Run("bench", "--preset", "gpt2", "--context-length", "1025")).Refusal().ShouldBe("--context-length is 1025; it must lie between 1 and 1024.");

    /// <summary>What others measure, and one batch of it whatever the preset's updates are made of.</summary>
    [Fact]
    public void A_published_size_is_measured_on_4_x_64_tokens()
    {
        NamedModel model = NamedModel.Find("gpt2").With(null, null);

        (model.Options.BatchSize, model.Options.ContextLength, model.Options.AccumulationSteps, model.Config.ContextLength).ShouldBe((4, 64, 1, 1024));
        model.Config.ResidualDropout.ShouldBe(0);
    }

    [Fact]
    public void Refuses_what_does_not_fit_in_memory_and_nothing_else()
    {
        // 64 sequences of 256 tokens go through the model 8 at a time.
        NamedModel model = NamedModel.Find("gpt2").With(64, 256);
        long needed = Gpt2Memory.TrainingBytes(model.Config, 8, 256);

        BenchCommand.CheckFits(model, needed);
        Should.Throw<InvalidDataException>(() => BenchCommand.CheckFits(model, needed - 1)).Message.ShouldStartWith(FormattableString.Invariant(
            $"Training this model needs {needed / (double)(1 << 30):N1} GB of memory ("));
    }
}
