using System.Globalization;
using Quatrain.Cli.Hosting;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Display;

/// <summary>What a person reads at the end of a run.</summary>
internal static class TrainingSummary
{
    public static void Write(TextWriter output, TrainingReport report, TrainingRun run)
    {
        string folder = Quote(run.Folder.Path);
        output.WriteLine();
        output.WriteLine(report.Interrupted
            ? Invariant($"Stopped after step {report.Steps} of {run.Options.Iterations}; everything is saved.")
            : report.TokensPerSecond is { } rate ? Invariant($"Done: {report.Steps} steps in {report.Seconds:F1} s, {rate:N0} tokens/s.")
            : Invariant($"Nothing was left to do: the run had done all its {report.Steps} steps."));
        if (report.BestValidationLoss is { } loss)
        {
            string floor = report.Floor is { } f ? Invariant($", floor {f:F3} ({(loss / f - 1) * 100:F1} % above it)") : "";
            string unit = run.Data.TokenName == "character" ? "nats/char" : "nats/token";
            string bits = run.Data.TokenName == "character" ? "" : Invariant($", perplexity {Math.Exp(loss):F2}, {report.BestBitsPerByte:F3} bits/byte");
            output.WriteLine(Invariant($"Validation loss {loss:F4} {unit}{floor}{bits}, at step {report.BestStep}."));
        }

        if (report.ParseShare is { } parse && report.RhymeShare is { } rhyme)
        {
            output.WriteLine(Invariant($"Of the verses it writes, {parse:P1} parse and {rhyme:P1} rhyme."));
        }

        output.WriteLine();
        output.WriteLine("What to try next:");
        List<(string Command, string Purpose)> next =
        [
            ($"generate {folder}", "let it write"),
            ($"eval {folder}", "score it on its validation text"),
            ($"inspect {folder}", "its layers, parameters and memory"),
            ("train --data my.txt", "train on your own text"),
        ];
        if (report.Interrupted)
        {
            next.Insert(0, ($"train --out {folder} --resume", "go on with this run"));
        }

        int width = next.Max(line => line.Command.Length);
        foreach ((string command, string purpose) in next)
        {
            output.WriteLine($"  {ProgramName.Value} {command.PadRight(width)}  # {purpose}");
        }

        output.WriteLine();
        output.WriteLine($"Losses: {run.Folder.PlotPath} (a picture), {run.Folder.MetricsPath} (a line a step).");
    }

    private static string Quote(string path) => path.Contains(' ', StringComparison.Ordinal) ? $"\"{path}\"" : path;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
