using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests;

/// <summary>What the program does not do before it is needed, as the methods tell that the runtime had to compile.</summary>
public sealed class StartUpTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--help")]
    [InlineData("--version")]
    [InlineData("train", "--help")]
    [InlineData("bench", "--help")]
    public async Task Help_reads_no_preset_and_touches_no_data_model_or_terminal(params string[] arguments)
    {
        string methods = await CompiledMethods(arguments);

        methods.ShouldContain("Quatrain.Cli.Commands.TrainCommand:Create");
        methods.ShouldNotContain("Quatrain.Training.Options.Presets:Load");
        methods.ShouldNotContain("Quatrain.Training.Options.TrainingOptionsJson");
        methods.ShouldNotContain("Quatrain.Training.Data.");
        methods.ShouldNotContain("Quatrain.Training.Runs.");
        methods.ShouldNotContain("Quatrain.Models.Gpt2.Gpt2Model");
        methods.ShouldNotContain("Quatrain.Tensors.");
        methods.ShouldNotContain("Quatrain.Tokenizers.");
        methods.ShouldNotContain("Spectre.Console");
    }

    [Fact]
    public async Task A_command_that_reads_a_preset_is_seen_to_read_it() =>
        (await CompiledMethods("inspect", "--preset", "nano")).ShouldContain("Quatrain.Training.Options.Presets:Load");

    /// <summary>Every method of ours that ran: the tests' build holds no compiled code.</summary>
    private async Task<string> CompiledMethods(params string[] arguments)
    {
        string list = _folder.File("methods.txt");
        Dictionary<string, string> environment = new() { ["DOTNET_JitStdOutFile"] = list, ["DOTNET_JitDisasmSummary"] = "1" };
        using QuatrainProcess process = QuatrainProcess.Start(arguments, environment: environment);
        (await process.End()).Success();
        return await File.ReadAllTextAsync(list);
    }
}
