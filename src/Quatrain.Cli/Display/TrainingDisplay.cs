using System.Globalization;
using Quatrain.Training.Logging;
using Quatrain.Training.Runs;
using Spectre.Console;

namespace Quatrain.Cli.Display;

/// <summary>Shows a run while it goes: a progress bar on a terminal, a line now and then where the output is kept in a file.</summary>
internal sealed class TrainingDisplay : ITrainingObserver
{
    private const double Smoothing = 0.05;

    private readonly IAnsiConsole _console;
    private readonly bool _live;
    private ProgressTask? _task;
    private TrainingRun? _run;
    private long _firstStep;
    private double _loss = double.NaN;
    private double _tokensPerSecond = double.NaN;

    public TrainingDisplay(TextWriter error)
    {
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
        _console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(step == 0 ? "Training" : step == run.Options.Iterations ? $"All {step:N0} steps are done, with" : $"Going on at step {step:N0} with")} {run.Model.Parameters.ElementCount:N0} parameters: {run.Options.LayerCount} layers, {run.Options.HeadCount} heads, {run.Options.EmbeddingSize} wide, context {run.Options.ContextLength}"));
        _console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"on '{run.Options.Data}': {run.Data.Tokens.Train.Length:N0} training and {run.Data.Tokens.Validation.Length:N0} validation characters, {run.Data.Tokenizer.VocabularySize} different; run folder {run.Folder.Path}"));
        if (_task is not null)
        {
            _task.MaxValue = run.Options.Iterations;
            _task.Value = step;
        }
    }

    public void StepDone(StepRecord record)
    {
        _loss = double.IsNaN(_loss) ? record.Loss : _loss + Smoothing * (record.Loss - _loss);
        _tokensPerSecond = double.IsNaN(_tokensPerSecond) ? record.TokensPerSecond : _tokensPerSecond + Smoothing * (record.TokensPerSecond - _tokensPerSecond);
        string line = Line(record);
        if (_task is not null)
        {
            _task.Value = record.Step;
            _task.Description = Markup.Escape(line);
        }
        else if (record.Step == _firstStep || record.Step % Math.Max(1, _run!.Options.Iterations / 20) == 0 || record.Step == _run.Options.Iterations)
        {
            _console.WriteLine(line);
        }
    }

    public void Evaluated(EvaluationRecord record)
    {
        string floor = record.Floor is { } f ? string.Create(CultureInfo.InvariantCulture, $", floor {f:F3}") : "";
        string verses = record.ParseShare is { } parse && record.RhymeShare is { } rhyme
            ? string.Create(CultureInfo.InvariantCulture, $"; of sampled verses {parse:P0} parse, {rhyme:P0} rhyme") : "";
        _console.MarkupLine(string.Create(CultureInfo.InvariantCulture,
            $"[bold]step {record.Step,5}: val {record.ValidationLoss:F3}{floor} nats/char{verses}[/]"));
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

    private string Line(StepRecord record)
    {
        double tokensLeft = (double)(_run!.Options.Iterations - record.Step) * _run.Options.BatchSize * _run.Options.ContextLength * _run.Options.AccumulationSteps;
        TimeSpan left = TimeSpan.FromSeconds(Math.Min(tokensLeft / _tokensPerSecond, 86_400 * 999.0));
        string time = left.TotalHours >= 1 ? left.ToString(@"d\.hh\:mm\:ss", CultureInfo.InvariantCulture) : left.ToString(@"mm\:ss", CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture,
            $"step {record.Step}/{_run.Options.Iterations}  loss {_loss:F3}  {_tokensPerSecond:N0} tokens/s  {time} left");
    }
}
