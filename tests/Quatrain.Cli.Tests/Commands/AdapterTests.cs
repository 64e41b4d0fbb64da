using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models.Adapters;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tests;

namespace Quatrain.Cli.Tests.Commands;

/// <summary>Commands that take an adapter's folder for a model.</summary>
[Collection(TinyRunTests.Name)]
public sealed class AdapterTests(TinyRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Fixture(string name) => Path.Combine(RepositoryRoot.Path, "tests", "fixtures", "import", name);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("merged.gguf")]
    [InlineData("merged.bin")]
    [InlineData("merged")]
    public async Task A_merged_adapter_generates_in_every_format_what_it_generates_beside_its_base(string target)
    {
        Outcome exported = await CommandLine.Run("export", Fixture("peft-lora"), "--merge", "--out", _folder.File(target));
        exported.ExitCode.ShouldBe(0, exported.Error);

        string ids = await Generate(Fixture("peft-lora"));

        (await Generate(_folder.File(target))).ShouldBe(ids);
        (await Generate(Fixture("hf-f32"))).ShouldNotBe(ids);
        (await Generate(Fixture("peft-lora"), "--base", Fixture("hf-bf16"))).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task An_adapter_is_scored_with_the_tokenizer_of_its_base_and_a_base_that_moved_is_named()
    {
        string adapter = SaveAdapter(run.CopyTo(_folder, "base"));
        double plain = Loss(await CommandLine.Run("eval", run.Path, "--data", run.TextPath, "--json"));
        double adapted = Loss(await CommandLine.Run("eval", adapter, "--data", run.TextPath, "--json"));
        adapted.ShouldNotBe(plain);
        (await CommandLine.Run("generate", adapter, "--prompt", "the ", "--max-tokens", "3")).ExitCode.ShouldBe(0);
        Directory.Move(_folder.File("base"), _folder.File("moved"));

        Outcome lost = await CommandLine.Run("eval", adapter, "--data", run.TextPath, "--json");
        lost.ExitCode.ShouldBe(2);
        lost.Error.ShouldContain("name it with --base");
        Loss(await CommandLine.Run("eval", adapter, "--data", run.TextPath, "--json", "--base", _folder.File("moved"))).ShouldBe(adapted);
        (await CommandLine.Run("export", adapter, "--merge", "--out", _folder.File("merged"), "--base", _folder.File("moved"))).ExitCode.ShouldBe(0);
        Loss(await CommandLine.Run("eval", _folder.File("merged"), "--data", run.TextPath, "--json")).ShouldBe(adapted, 1e-5);
    }

    [Fact]
    public async Task What_an_adapter_cannot_do_by_itself_is_one_sentence()
    {
        await Refused("give --merge", "export", Fixture("peft-lora"), "--out", _folder.File("x"));
        await Refused("is no adapter's folder", "export", Fixture("hf-f32"), "--merge", "--out", _folder.File("x"));
        await Refused("which is no adapter", "generate", Fixture("hf-f32"), "--base", "gpt2", "--prompt-ids", "1");
        await Refused("where the model itself is", "export", Fixture("peft-lora"), "--merge", "--out", Fixture("hf-f32"));
        await Refused("export it with --merge", "inspect", Fixture("peft-lora"));
        await Refused("export it with --merge", "verify", Fixture("peft-lora"));
    }

    private static async Task Refused(string problem, params string[] arguments)
    {
        Outcome outcome = await CommandLine.Run(arguments);
        outcome.ExitCode.ShouldBe(2, outcome.Output);
        outcome.Error.ShouldContain(problem);
    }

    private static double Loss(Outcome outcome)
    {
        outcome.ExitCode.ShouldBe(0, outcome.Error);
        return JsonDocument.Parse(outcome.Output).RootElement.GetProperty("loss").GetDouble();
    }

    private static async Task<string> Generate(string model, params string[] more)
    {
        Outcome outcome = await CommandLine.Run(["generate", model, "--prompt-ids", "5,0,66", "--max-tokens", "20", "--temperature", "0", "--json", .. more]);
        outcome.ExitCode.ShouldBe(0, outcome.Error);
        return JsonDocument.Parse(outcome.Output).RootElement.GetProperty("ids").GetRawText();
    }

    private string SaveAdapter(string baseModel)
    {
        using Gpt2Model model = Gpt2Checkpoint.Load(baseModel);
        using LoraAdapters adapters = new(model, new LoraConfig { Rank = 2, Targets = ["*"] }, seed: 1);
        RandomSource random = new(2);
        foreach (LoraAdapter adapter in adapters.Adapters)
        {
            foreach (ref float value in adapter.B.Values)
            {
                value = (float)(0.1 * random.NextNormal());
            }
        }

        AdapterFolder.Save(_folder.File("adapter"), adapters, baseModel);
        return _folder.File("adapter");
    }
}
