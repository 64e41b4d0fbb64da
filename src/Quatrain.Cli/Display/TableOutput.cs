using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>Writes tables to where a command's output goes.</summary>
internal static class TableOutput
{
    public static void Write(TextWriter output, Table table)
    {
        bool live = !Console.IsOutputRedirected;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = live ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = live ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        if (!live)
        {
            // A file or a pipe has no edge to wrap at.
            console.Profile.Width = 200;
        }

        console.Write(table);
    }
}
