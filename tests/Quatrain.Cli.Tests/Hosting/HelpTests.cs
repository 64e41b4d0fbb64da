using System.CommandLine;
using Quatrain.Cli.Hosting;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests.Hosting;

public sealed class HelpTests
{
    public static TheoryData<string> Commands => [.. Names];

    private static IEnumerable<string> Names => CommandHost.Build().Subcommands.Select(command => command.Name);

    [Fact]
    public void There_are_the_commands_that_the_documentation_promises() =>
        Names.ShouldBe(["train", "generate", "finetune", "classify", "chat", "eval", "inspect", "verify", "bench", "pull", "export", "tokenizer", "completion"]);

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_lists_every_option_and_examples(string name)
    {
        string help = (await CommandLine.Run(name, "--help")).Success();

        foreach (Option option in CommandHost.Build().Subcommands.Single(command => command.Name == name).Options)
        {
            help.ShouldContain($"  {option.Name}");
        }

        help.ShouldContain("--json");
        help.ShouldContain("--threads");
        help[help.IndexOf("Examples:", StringComparison.Ordinal)..].ShouldContain($"quatrain {name}");
    }

    [Fact]
    public async Task Help_of_the_whole_lists_the_commands()
    {
        string help = (await CommandLine.Run("--help")).Success();

        foreach (string name in Names)
        {
            help.ShouldContain($"\n  {name} ");
        }
    }

    [Theory]
    [InlineData("--data", "--preset", "--config", "--out", "--resume", "--iterations", "--batch-size", "--context-length", "--learning-rate", "--dropout",
        "--eval-every", "--checkpoint-every", "--seed", "--threads")]
    public async Task Train_takes_the_options_that_were_asked_for(params string[] options)
    {
        string help = (await CommandLine.Run("train", "--help")).Success();

        options.Where(option => !help.Contains($"  {option} ", StringComparison.Ordinal) && !help.Contains($"  {option}\n", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("--data", "--out", "--resume", "--text-column", "--label-column", "--balance", "--class-weights", "--pooling", "--max-length", "--too-long", "--train",
        "--lora-rank", "--positive", "--max-false-positive-rate", "--no-baseline", "--epochs", "--batch-size", "--learning-rate", "--seed", "--cache")]
    public async Task Finetune_classify_takes_the_options_that_were_asked_for(params string[] options)
    {
        string help = (await CommandLine.Run("finetune", "classify", "--help")).Success();

        options.Where(option => !help.Contains($"  {option} ", StringComparison.Ordinal) && !help.Contains($"  {option}\n", StringComparison.Ordinal)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Examples_parse()
    {
        RootCommand root = CommandHost.Build();
        foreach (string[] command in root.Subcommands.SelectMany(command => command.Subcommands.Select(below => new[] { command.Name, below.Name }).Prepend([command.Name])))
        {
            string help = (await CommandLine.Run([.. command, "--help"])).Success();
            foreach (string line in help[help.IndexOf("Examples:", StringComparison.Ordinal)..].Split('\n').Where(l => l.StartsWith("  quatrain ", StringComparison.Ordinal)))
            {
                // What follows two spaces or a redirection is not part of the command.
                string example = line.Trim().Split("   ")[0].Split(" > ")[0]["quatrain ".Length..];
                root.Parse(example).Errors.ShouldBeEmpty(example);
            }
        }
    }
}
