using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>Shows on a terminal how far a scoring is, how fast it goes, how long it will take and how it stands; nothing where the output is kept in a file.</summary>
internal sealed class ScoringProgress
{
    private readonly ProgressTask? _task;
    private readonly long _total;
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    private ScoringProgress(ProgressTask? task, long total) => (_task, _total) = (task, total);

    /// <summary>Runs <paramref name="score"/> under a progress bar. One that is cancelled after it has reported ends like one that is done.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled before anything was reported.</exception>
    public static void Show(TextWriter error, long total, Action<ScoringProgress> score, CancellationToken cancellation)
    {
        if (Console.IsErrorRedirected)
        {
            Run(new ScoringProgress(task: null, total));
            return;
        }

        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) }).Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => Run(new ScoringProgress(context.AddTask("starting", maxValue: 1), total)));

        void Run(ScoringProgress progress)
        {
            try
            {
                score(progress);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested && progress.HasReported)
            {
            }
        }
    }

    private bool HasReported { get; set; }

    /// <summary>Shows how it stands.</summary>
    /// <param name="done">The part of the total that is done.</param>
    /// <param name="tokens">The tokens read.</param>
    /// <param name="result">The result so far.</param>
    public void Report(long done, long tokens, string result)
    {
        HasReported = true;
        if (_task is not null)
        {
            double seconds = _watch.Elapsed.TotalSeconds, share = (double)done / _total;
            _task.Value = share;
            _task.Description = Markup.Escape(string.Create(
                CultureInfo.InvariantCulture, $"{tokens / seconds:N0} tokens/s, {TimeLeft(seconds * (1 - share) / share)} left, {result} so far"));
        }
    }

    internal static string TimeLeft(double seconds) => seconds switch
    {
        < 100 => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(seconds):F0} s"),
        < 6000 => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(seconds / 60):F0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} h"),
    };
}
