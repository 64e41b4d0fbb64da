using System.Globalization;
using Quatrain.Cli.Hosting;

namespace Quatrain.Cli.Tests.Support;

/// <summary>Runs the real command line in this process.</summary>
internal static class CommandLine
{
    public static async Task<Outcome> Run(params string[] arguments)
    {
        using StringWriter output = new(CultureInfo.InvariantCulture) { NewLine = "\n" }, error = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        int exitCode = await CommandHost.RunAsync(arguments, output, error);
        return new Outcome(exitCode, output.ToString(), error.ToString());
    }
}
