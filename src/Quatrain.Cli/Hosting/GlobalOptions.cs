using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Quatrain.Cli.Hosting;

/// <summary>The options that every command has.</summary>
internal static class GlobalOptions
{
    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "Write one JSON result to standard output; progress and messages go to standard error.",
        Recursive = true,
    };

    public static Option<int> Threads { get; } = new("--threads")
    {
        Description = "Worker threads; 0 means one for each physical core. Results are the same for any number.",
        Recursive = true,
        HelpName = "n",
        // Once, here: commands that run side by side share these options.
        Validators = { CheckThreads },
    };

    public static Option<bool> Verbose { get; } = new("--verbose")
    {
        Description = "Show where an error came from.",
        Recursive = true,
    };

    public static void AddTo(RootCommand root)
    {
        root.Options.Add(Json);
        root.Options.Add(Threads);
        root.Options.Add(Verbose);
    }

    private static void CheckThreads(OptionResult result)
    {
        if (result.Tokens.Count == 1
            && !(int.TryParse(result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int threads) && threads is >= 0 and <= 1024))
        {
            result.AddError($"--threads must be a whole number from 0 to 1024, not '{result.Tokens[0].Value}'.");
        }
    }
}
