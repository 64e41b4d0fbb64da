using System.Diagnostics;
using System.Globalization;
using Quatrain.Training.FineTuning;
using Quatrain.Training.Logging;

namespace Quatrain.Cli.Display;

/// <summary>Shows a fine-tuning run while it goes: one line that renews itself on a terminal, a line now and then where the output is kept in a file.</summary>
internal sealed class FineTuningDisplay(TextWriter error, string unit) : IFineTuningObserver
{
    private const double Smoothing = 0.1;

    private static readonly TimeSpan LiveEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(15);

    private readonly bool _isLive = !Console.IsErrorRedirected;
    private readonly Stopwatch _sinceShown = Stopwatch.StartNew();
    private long _begun = Stopwatch.GetTimestamp();
    private double _firstStep = -1;
    private double _loss = double.NaN;
    private int _shownLength;

    public void Precomputed(int done, int count)
    {
        Show(string.Create(CultureInfo.InvariantCulture, $"frozen layers: {done:N0} of {count:N0} examples"), isDue: done == count);
        if (done == count)
        {
            _begun = Stopwatch.GetTimestamp();
        }
    }

    public void StepDone(StepRecord record, long steps)
    {
        _firstStep = _firstStep < 0 ? record.Step - 1 : _firstStep;
        _loss = double.IsNaN(_loss) ? record.Loss : _loss + Smoothing * (record.Loss - _loss);
        double perStep = Stopwatch.GetElapsedTime(_begun).TotalSeconds / (record.Step - _firstStep);
        Show(
            string.Create(CultureInfo.InvariantCulture, $"step {record.Step:N0}/{steps:N0}  loss {_loss:F3}  {record.TokensPerSecond:N0} tokens/s  {TrainingDisplay.TimeLeft((steps - record.Step) * perStep)}"),
            isDue: false);
    }

    public void Evaluated(EvaluationRecord record, bool isBest)
    {
        string accuracy = record.Accuracy is { } share ? string.Create(CultureInfo.InvariantCulture, $", {share:P1} right") : "";
        Clear();
        error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {record.Step,5}: validation loss {record.ValidationLoss:F4} nats/{unit}{accuracy}{(isBest ? "  (best so far)" : "")}"));
    }

    /// <summary>Removes the line that renews itself.</summary>
    public void Clear()
    {
        if (_shownLength > 0)
        {
            error.Write($"\r{new string(' ', _shownLength)}\r");
            _shownLength = 0;
        }
    }

    private void Show(string line, bool isDue)
    {
        if (!isDue && _sinceShown.Elapsed < (_isLive ? LiveEvery : LineEvery))
        {
            return;
        }

        _sinceShown.Restart();
        if (_isLive)
        {
            error.Write($"\r{line.PadRight(_shownLength)}");
            _shownLength = line.Length;
        }
        else
        {
            error.WriteLine(line);
        }
    }
}
