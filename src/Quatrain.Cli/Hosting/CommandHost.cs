using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Quatrain.Cli.Commands;
using Quatrain.Models;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Hosting;

/// <summary>Puts the commands together, runs one, and turns whatever goes wrong into one sentence and an exit code.</summary>
internal static class CommandHost
{
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        RootCommand root = Build();
        // A prompt may begin with an @, which would otherwise name a file of arguments.
        ParseResult parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        InvocationConfiguration configuration = new()
        {
            Output = output,
            Error = error,
            EnableDefaultExceptionHandler = false,
            // Commands watch for Ctrl-C themselves: saving a run may take longer than a fixed patience.
            ProcessTerminationTimeout = null,
        };
        bool asksForHelp = parsed.Action is HelpAction or ExampleHelpAction;
        if ((parsed.Errors.Count > 0 || UnknownOption(parsed) is not null) && !asksForHelp)
        {
            await error.WriteLineAsync($"error: {OneLine(Explain(parsed))}");
            return ExitCode.BadInput;
        }

        using Interruption interruption = new();
        try
        {
            return await parsed.InvokeAsync(configuration, interruption.Token);
        }
        catch (OperationCanceledException) when (interruption.Token.IsCancellationRequested)
        {
            await error.WriteLineAsync("Stopped.");
            return ExitCode.Done;
        }
        catch (Exception e)
        {
            await error.WriteLineAsync($"error: {OneLine(Sentence(e))}");
            if (parsed.GetValue(GlobalOptions.Verbose))
            {
                await error.WriteLineAsync(e.ToString());
            }

            return IsBadInput(e) ? ExitCode.BadInput : ExitCode.Failed;
        }
    }

    internal static RootCommand Build()
    {
        RootCommand root = new("Quatrain builds, trains and runs GPT-style language models in pure C#.");
        foreach (Command command in new[]
        {
            TrainCommand.Create(), GenerateCommand.Create(), FinetuneCommand.Create(), ClassifyCommand.Create(), ChatCommand.Create(), EvalCommand.Create(),
            InspectCommand.Create(), VerifyCommand.Create(), BenchCommand.Create(),
            PullCommand.Create(), ExportCommand.Create(), TokenizerCommand.Create(), CompletionCommand.Create(),
        })
        {
            root.Subcommands.Add(command);
        }

        GlobalOptions.AddTo(root);
        ExampleHelpAction.Install(root);
        return root;
    }

    private static bool IsBadInput(Exception e) => e is InvalidDataException or FileNotFoundException or DirectoryNotFoundException;

    private static string Sentence(Exception e) => e switch
    {
        InvalidDataException or IOException or TrainingDivergedException => e.Message,
        UnauthorizedAccessException => $"{e.Message.TrimEnd('.')}; check the file's permissions.",
        InsufficientMemoryException => e.Message,
        OutOfMemoryException => "There is not enough memory; choose a smaller model, batch or context.",
        _ => $"Something unexpected happened ({e.GetType().Name}: {e.Message.TrimEnd('.')}); run again with --verbose to see where.",
    };

    /// <summary>The first parse error, with the option or command that may have been meant.</summary>
    private static string Explain(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string help = $"'{string.Join(' ', PathOf(command))} --help'";
        string? unknown = UnknownOption(parsed) ?? (parsed.UnmatchedTokens.Count > 0 ? parsed.UnmatchedTokens[0] : null);
        if (unknown is null)
        {
            return $"{parsed.Errors[0].Message.TrimEnd('.')}; see {help}.";
        }

        bool isOption = unknown.StartsWith('-');
        IEnumerable<string> names = isOption
            ? command.Options.Concat(command.Parents.OfType<Command>().SelectMany(c => c.Options).Where(o => o.Recursive)).Where(o => !o.Hidden).Select(o => o.Name)
            : command.Subcommands.Select(c => c.Name);
        string kind = isOption ? "option" : command.Subcommands.Count > 0 ? "command" : "argument";
        return $"Unknown {kind} '{unknown}'{Suggestion.DidYouMean(unknown, names)} See {help}.";
    }

    /// <summary>What was meant as an option and would be taken for the name of a model. A path that begins so can be written with ./ before it.</summary>
    private static string? UnknownOption(ParseResult parsed) => parsed.CommandResult.Children.OfType<ArgumentResult>()
        .SelectMany(argument => argument.Tokens).Select(token => token.Value).FirstOrDefault(value => value.StartsWith("--", StringComparison.Ordinal));

    /// <summary>The words that name a command, those of its parents first.</summary>
    private static IEnumerable<string> PathOf(Command command) =>
        command is RootCommand ? ["quatrain"] : [.. command.Parents.OfType<Command>().Take(1).SelectMany(PathOf), command.Name];

    /// <summary>Messages quote names and values that may hold anything; scripts count on one line, and terminals obey control characters.</summary>
    internal static string OneLine(string message) => string.Concat(message.Select(c => char.IsControl(c) ? ' ' : c));
}
