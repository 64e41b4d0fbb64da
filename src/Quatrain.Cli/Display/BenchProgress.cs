using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>Shows how far a measurement is: a progress bar on a terminal, a line for each part where the output is kept in a file.</summary>
internal sealed class BenchProgress
{
    private readonly TextWriter _error;
    private readonly ProgressTask? _task;

    private BenchProgress(TextWriter error, ProgressTask? task) => (_error, _task) = (error, task);

    /// <summary>Runs <paramref name="measure"/> under the progress bar.</summary>
    public static T Show<T>(TextWriter error, Func<BenchProgress, T> measure)
        where T : class
    {
        if (Console.IsErrorRedirected)
        {
            return measure(new BenchProgress(error, task: null));
        }

        T? result = null;
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) }).Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => result = measure(new BenchProgress(error, context.AddTask("starting", maxValue: 1))));
        return result!;
    }

    /// <summary>A new part of the work begins.</summary>
    public void Begin(string what)
    {
        if (_task is null)
        {
            _error.WriteLine($"{char.ToUpperInvariant(what[0])}{what[1..]}.");
            return;
        }

        _task.Description = what;
        _task.Value = 0;
    }

    /// <summary>The share of the part that is done.</summary>
    public void Report(double share)
    {
        if (_task is not null)
        {
            _task.Value = share;
        }
    }
}
