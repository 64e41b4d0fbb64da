using System.Diagnostics;
using System.Globalization;
using Quatrain.Cli.Hosting;
using Quatrain.Models.Hub;
using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>Shows how a pull goes on: a progress bar on a terminal, a line now and then where the output is kept in a file.</summary>
internal sealed class PullDisplay(TextWriter error) : IHubObserver
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(5);

    private readonly Lock _writing = new();
    private IAnsiConsole? _console;
    private long _doneBytes;
    private long _totalBytes;
    private double _rate = double.NaN;

    /// <summary>Runs <paramref name="pull"/> under the progress bar.</summary>
    public async Task<PulledModel> ShowAsync(Func<Task<PulledModel>> pull)
    {
        if (Console.IsErrorRedirected)
        {
            return await WatchAsync(pull(), LineInterval, () => WriteLine(Status()));
        }

        _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
        return await _console.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .StartAsync(async context =>
            {
                ProgressTask task = context.AddTask("asking the hub", maxValue: 1);
                return await WatchAsync(pull(), Refresh, () =>
                {
                    task.MaxValue = Math.Max(1, Interlocked.Read(ref _totalBytes));
                    task.Value = Interlocked.Read(ref _doneBytes);
                    task.Description = Markup.Escape(Status());
                });
            });
    }

    public void Begun(int fileCount, long presentBytes, long totalBytes)
    {
        Interlocked.Exchange(ref _doneBytes, presentBytes);
        Interlocked.Exchange(ref _totalBytes, totalBytes);
        if (presentBytes < totalBytes)
        {
            string present = presentBytes > 0 ? $", of which {Size(presentBytes)} are there already" : "";
            WriteLine($"Fetching {fileCount} {(fileCount == 1 ? "file" : "files")}, {Size(totalBytes)}{present}.");
        }
    }

    public void Changed(long bytes) => Interlocked.Add(ref _doneBytes, bytes);

    public void Noted(string message) => WriteLine(CommandHost.OneLine(message));

    /// <summary>A number of bytes for people: decimal units, as the hub shows them.</summary>
    internal static string Size(double bytes) => FormattableString.Invariant(bytes switch
    {
        < 1e3 => (FormattableString)$"{bytes:0} bytes",
        < 1e6 => $"{bytes / 1e3:0.0} kB",
        < 1e9 => $"{bytes / 1e6:0.0} MB",
        _ => $"{bytes / 1e9:0.00} GB",
    });

    /// <summary>How far it is, at what rate, and what time is left.</summary>
    internal static string Status(long doneBytes, long totalBytes, double bytesPerSecond)
    {
        if (totalBytes == 0)
        {
            return "asking the hub";
        }

        string status = $"{Size(doneBytes)} of {Size(totalBytes)}";
        if (doneBytes >= totalBytes)
        {
            return $"{status}, checking";
        }

        if (!(bytesPerSecond >= 1))
        {
            return status;
        }

        TimeSpan left = TimeSpan.FromSeconds(Math.Min((totalBytes - doneBytes) / bytesPerSecond, TimeSpan.FromDays(999).TotalSeconds));
        string time = left.ToString(left.TotalHours >= 1 ? @"d\.hh\:mm\:ss" : @"mm\:ss", CultureInfo.InvariantCulture);
        return $"{status}  {Size(bytesPerSecond)}/s  {time} left";
    }

    private string Status() => Status(Interlocked.Read(ref _doneBytes), Interlocked.Read(ref _totalBytes), _rate);

    /// <summary>Measures the rate and shows it, every <paramref name="interval"/>.</summary>
    private async Task<PulledModel> WatchAsync(Task<PulledModel> pull, TimeSpan interval, Action show)
    {
        long time = 0, done = 0;
        while (await Task.WhenAny(pull, Task.Delay(interval)) != pull)
        {
            long now = Stopwatch.GetTimestamp(), arrived = Interlocked.Read(ref _doneBytes);
            if (time != 0)
            {
                double seconds = Stopwatch.GetElapsedTime(time, now).TotalSeconds;
                double rate = Math.Max(0, arrived - done) / seconds;
                double share = 1 - Math.Exp(-seconds / Memory.TotalSeconds);
                _rate = double.IsNaN(_rate) ? rate : _rate + share * (rate - _rate);
            }

            (time, done) = Interlocked.Read(ref _totalBytes) == 0 ? (0, 0) : (now, arrived);
            show();
        }

        return await pull;
    }

    private void WriteLine(string line)
    {
        lock (_writing)
        {
            if (_console is null)
            {
                error.WriteLine(line);
            }
            else
            {
                _console.WriteLine(line);
            }
        }
    }
}
