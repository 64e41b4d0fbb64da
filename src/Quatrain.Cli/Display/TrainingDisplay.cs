using System.Diagnostics;
using System.Globalization;
using Quatrain.Training.Logging;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;
using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>Shows a run while it goes: a progress bar on a terminal, a line now and then where the output is kept in a file.</summary>
internal sealed class TrainingDisplay : ITrainingObserver
{
    private const double Smoothing = 0.05;

    // Where steps take minutes, somebody who looks into a log wants to see that it goes on, and how fast.
    private readonly TimeSpan _firstLineAfter;
    private readonly TimeSpan _nextLineAfter;

    private readonly IAnsiConsole _console;
    private readonly bool _live;
    private ProgressTask? _task;
    private TrainingRun? _run;
    private long _firstStep;
    private double _loss = double.NaN;
    private double _tokensPerSecond = double.NaN;
    private int _linesWritten;
    private bool _isByCharacter;
    private readonly Stopwatch _sinceLine = Stopwatch.StartNew();

    public TrainingDisplay(TextWriter error)
        : this(error, TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(10))
    {
    }

    /// <param name="error">Where to write.</param>
    /// <param name="firstLineAfter">How long a first step goes on before a line tells of a part of it.</param>
    /// <param name="nextLineAfter">How long there is no line after another.</param>
    internal TrainingDisplay(TextWriter error, TimeSpan firstLineAfter, TimeSpan nextLineAfter)
    {
        (_firstLineAfter, _nextLineAfter) = (firstLineAfter, nextLineAfter);
        _live = !Console.IsErrorRedirected;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(error),
            Ansi = _live ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = _live ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        if (!_live)
        {
            // Nobody wraps a log file.
            _console.Profile.Width = 1000;
        }
    }

    /// <summary>Runs <paramref name="train"/> under the progress bar.</summary>
    public TrainingReport Show(Func<TrainingReport> train)
    {
        if (!_live)
        {
            return train();
        }

        TrainingReport? report = null;
        _console.Progress()
            .AutoClear(true)
            .HideCompleted(false)
            .Columns(new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context =>
            {
                _task = context.AddTask("starting", autoStart: true);
                report = train();
                _task.StopTask();
            });
        return report!;
    }

    public void Started(TrainingRun run, long step)
    {
        _run = run;
        _firstStep = step + 1;
        _isByCharacter = run.Data.TokenName == "character";
        _console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(step == 0 ? "Training" : step == run.Options.Iterations ? $"All {step:N0} steps are done, with" : $"Going on at step {step:N0} with")} {run.Model.Parameters.ElementCount:N0} parameters: {run.Options.LayerCount} layers, {run.Options.HeadCount} heads, {run.Options.EmbeddingSize} wide, context {run.Options.ContextLength}"));
        string vocabulary = run.Data.TokenName == "character" ? $"{run.Data.Tokenizer.VocabularySize:N0} different" : $"a vocabulary of {run.Data.Tokenizer.VocabularySize:N0}";
        _console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"on '{run.Options.Data}': {run.Data.Tokens.Train.Length:N0} training and {run.Data.Tokens.Validation.Length:N0} validation {run.Data.TokenName}s, {vocabulary}; run folder {run.Folder.Path}"));
        _console.WriteLine($"needs {run.Memory.Describe(run.AvailableBytes)} of memory");
        if (_task is not null)
        {
            _task.MaxValue = run.Options.Iterations;
            _task.Value = step;
        }
    }

    public void SliceDone(StepProgress progress)
    {
        double loss = double.IsNaN(_loss) ? progress.Loss : _loss;
        double rate = double.IsNaN(_tokensPerSecond) ? progress.TokensPerSecond : _tokensPerSecond;
        double done = progress.Step - 1 + progress.Share;
        if (_task is not null)
        {
            _task.Value = done;
            _task.Description = Markup.Escape(Line(progress.Step, done, loss, rate));
        }
        else if (_sinceLine.Elapsed > (_linesWritten == 0 ? _firstLineAfter : _nextLineAfter))
        {
            WriteLine(Line(progress.Step, done, loss, rate));
        }
    }

    public void StepDone(StepRecord record)
    {
        _loss = double.IsNaN(_loss) ? record.Loss : _loss + Smoothing * (record.Loss - _loss);
        _tokensPerSecond = double.IsNaN(_tokensPerSecond) ? record.TokensPerSecond : _tokensPerSecond + Smoothing * (record.TokensPerSecond - _tokensPerSecond);
        string line = Line(record.Step, record.Step, _loss, _tokensPerSecond);
        if (_task is not null)
        {
            _task.Value = record.Step;
            _task.Description = Markup.Escape(line);
        }
        else if (record.Step == _firstStep || record.Step % Math.Max(1, _run!.Options.Iterations / 20) == 0 || record.Step == _run.Options.Iterations
            || _sinceLine.Elapsed > _nextLineAfter)
        {
            WriteLine(line);
        }
    }

    public void Evaluated(EvaluationRecord record)
    {
        string floor = record.Floor is { } f ? string.Create(CultureInfo.InvariantCulture, $", floor {f:F3}") : "";
        string verses = record.ParseShare is { } parse && record.RhymeShare is { } rhyme
            ? string.Create(CultureInfo.InvariantCulture, $"; of sampled verses {parse:P0} parse, {rhyme:P0} rhyme") : "";
        string bytes = record.BitsPerByte is { } bits && !_isByCharacter ? string.Create(CultureInfo.InvariantCulture, $", {bits:F3} bits/byte") : "";
        _console.MarkupLine(string.Create(CultureInfo.InvariantCulture,
            $"[bold]step {record.Step,5}: val {record.ValidationLoss:F3}{floor} nats/{(_isByCharacter ? "char" : "token")}{bytes}{verses}[/]"));
    }

    public void Sampled(long step, string text)
    {
        foreach (string line in text.Trim('\n').Split('\n'))
        {
            _console.Write(new Padder(new Text(Printable(line), new Style(Color.Grey)), new Padding(4, 0, 0, 0)));
        }
    }

    /// <summary>A model early in training writes anything: control characters must not reach the terminal.</summary>
    internal static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\uFFFD' : c));

    /// <summary>How long until all steps are done, for people.</summary>
    internal static string TimeLeft(double seconds)
    {
        const double Day = 86_400;
        if (!(seconds < 1000 * Day))
        {
            return "over 1000 days left";
        }

        TimeSpan left = TimeSpan.FromSeconds(seconds);
        return (left.TotalDays >= 1 ? left.ToString(@"%d' d 'hh' h'", CultureInfo.InvariantCulture)
            : left.TotalHours >= 1 ? left.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture)
            : left.ToString(@"mm\:ss", CultureInfo.InvariantCulture)) + " left";
    }

    private void WriteLine(string line)
    {
        _console.WriteLine(line);
        _linesWritten++;
        _sinceLine.Restart();
    }

    /// <param name="step">The step that is done or under way.</param>
    /// <param name="done">The steps done, with the share of one under way.</param>
    /// <param name="loss">The mean loss of late.</param>
    /// <param name="tokensPerSecond">The speed of late.</param>
    private string Line(long step, double done, double loss, double tokensPerSecond)
    {
        TrainingOptions options = _run!.Options;
        double tokensLeft = (options.Iterations - done) * options.BatchSize * options.ContextLength * options.AccumulationSteps;
        string share = done < step ? string.Create(CultureInfo.InvariantCulture, $" ({done - step + 1:P1} of it)") : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"step {step}/{options.Iterations}{share}  loss {loss:F3}  {tokensPerSecond:N0} tokens/s  {TimeLeft(tokensLeft / tokensPerSecond)}");
    }
}
