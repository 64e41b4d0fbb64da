using System.CommandLine;
using System.Text.Json;
using Quatrain.Cli.Commands;
using Quatrain.Cli.Hosting;
using Quatrain.Cli.Tests.Support;
using Quatrain.Inference.Verification;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Ops;
using Quatrain.Tensors.Verification;

namespace Quatrain.Cli.Tests.Commands;

[Collection(TinyRunTests.Name)]
public sealed class VerifyCommandTests(TinyRun run)
{
    [Fact]
    public async Task A_model_nothing_is_known_of_is_checked_for_being_whole()
    {
        JsonElement json = (await CommandLine.Run("verify", run.Path, "--json", "--threads", "1")).Json();

        TinyRun.Names(json).ShouldBe(["passed", "reference", "checks"]);
        json.GetProperty("reference").ValueKind.ShouldBe(JsonValueKind.Null);
        json.GetProperty("checks").EnumerateArray().Select(check => check.GetProperty("passed").GetBoolean()).ShouldBe([true, true]);
        (await CommandLine.Run("verify", run.Path)).Success().ShouldContain("No facts are known of a model of these sizes");
    }

    [Fact]
    public void A_model_that_is_not_the_published_one_fails()
    {
        using TemporaryFolder folder = new();
        Gpt2Config config = new() { LayerCount = 1, HeadCount = 1, EmbeddingSize = 8, ContextLength = 16, VocabularySize = 12 };
        using Gpt2Model model = new(config);
        Gpt2Checkpoint.Save(folder.Path, model);
        ModelReference reference = new(
            "a model", config, new Dictionary<string, string[]> { ["ln_f.weight"] = [new string('0', 40)] }, Activation.GeluTanh,
            [new LogitsReference("ex0", [1, 2], [(0, 0), (1, 0)])], [], [], null);
        using Gpt2Source source = Gpt2Source.Open(folder.Path);
        using StringWriter output = new();
        ParseResult parsed = CommandHost.Build().Parse(["verify", folder.Path, "--threads", "1"]);
        parsed.InvocationConfiguration.Output = output;
        parsed.InvocationConfiguration.Error = TextWriter.Null;

        VerifyModel.Run(parsed, source, reference, goldenPath: null, quick: true, CancellationToken.None).ShouldBe(ExitCode.Failed);

        output.ToString().ShouldContain("weights: ln_f.weight");
        output.ToString().ShouldContain("2 of 3 checks pass.");
        output.ToString().ShouldContain("This is not the published a model to the last bit");
        ModelReference right = reference with { WeightHashes = new Dictionary<string, string[]>() };
        VerifyModel.Run(parsed, source, right, goldenPath: null, quick: true, CancellationToken.None).ShouldBe(ExitCode.Done);
    }

    [Fact]
    public async Task Refuses_what_it_can_not_use()
    {
        (await CommandLine.Run("verify", "--quick")).Refusal().ShouldBe("--quick is for checking a model; name the MODEL.");
        (await CommandLine.Run("verify", "--golden", "x")).Refusal().ShouldBe("--golden is for checking a model; name the MODEL.");
        (await CommandLine.Run("verify", run.Path, "--golden", "x")).Refusal().ShouldContain("--golden is for GPT-2 124M, and the model in");
        (await CommandLine.Run("verify", "no-such-model")).Refusal().ShouldContain("no-such-model");
    }

    [Fact]
    public async Task Json_has_a_passed_check_of_every_operation_and_of_whole_models()
    {
        JsonElement json = (await CommandLine.Run("verify", "--json", "--threads", "1")).Json();

        TinyRun.Names(json).ShouldBe(["passed", "lanes", "threads", "checks"]);
        json.GetProperty("passed").GetBoolean().ShouldBeTrue();
        json.GetProperty("threads").GetInt32().ShouldBe(1);
        JsonElement[] checks = [.. json.GetProperty("checks").EnumerateArray()];
        checks.Length.ShouldBeGreaterThan(OpGradientChecks.All.Count);
        foreach (JsonElement check in checks)
        {
            TinyRun.Names(check).ShouldBe(["name", "elements", "max_relative_error", "tolerance", "passed"]);
            check.GetProperty("elements").GetInt64().ShouldBePositive();
            check.GetProperty("max_relative_error").GetDouble().ShouldBeLessThanOrEqualTo(check.GetProperty("tolerance").GetDouble());
        }
    }
}
