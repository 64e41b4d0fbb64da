using System.CommandLine;
using System.CommandLine.Parsing;

namespace Quatrain.Cli.Hosting;

/// <summary>--out and --resume of commands whose runs can be gone on with.</summary>
internal static class ResumableOptions
{
    public static Option<string?> Out(string example) => new("--out") { Description = $"The run's folder; default: runs/NAME of the data, with a number if that is taken, such as {example}.", HelpName = "folder" };

    public static Option<bool> Resume() => new("--resume") { Description = "Go on with the run in --out, to the last bit as if it had never stopped; it has its model, data and options." };

    /// <summary>Refuses what a run that is resumed has decided already.</summary>
    /// <exception cref="InvalidDataException">--out is not given, or something else is.</exception>
    public static string RequireOnly(ParseResult parsed, Option<string?> folder, Option<bool> resume)
    {
        Option[] allowed = [folder, resume, GlobalOptions.Json, GlobalOptions.Threads, GlobalOptions.Verbose];
        foreach (SymbolResult child in parsed.CommandResult.Children)
        {
            if (child is OptionResult { Implicit: false } option && !allowed.Contains(option.Option))
            {
                throw new InvalidDataException($"--resume takes every option from the run; leave {option.Option.Name} out, or begin a new run in another --out.");
            }

            if (child is ArgumentResult { Tokens.Count: > 0 })
            {
                throw new InvalidDataException("--resume takes the model from the run; leave MODEL out, or begin a new run in another --out.");
            }
        }

        return parsed.GetValue(folder) ?? throw new InvalidDataException("--resume needs the run's folder; name it with --out.");
    }
}
