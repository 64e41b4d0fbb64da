using System.CommandLine;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Verification;
using Spectre.Console;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain verify: shows on the user's own machine that every gradient is right.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Command command = new("verify", "Check the gradients of every operation and of whole models against finite differences, on this machine.");
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(parsed, cancellation)));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        List<GradientCheckResult> results = [];
        foreach (Func<GradientCheckResult> check in OpGradientChecks.All.Select<OpGradientCheck, Func<GradientCheckResult>>(op => () => op.Run(pool))
            .Concat(Gpt2GradientChecks.Cases.Select<(string, Gpt2Config), Func<GradientCheckResult>>(model => () => Gpt2GradientChecks.Run(model, pool))))
        {
            cancellation.ThrowIfCancellationRequested();
            results.Add(check());
        }

        bool passed = results.TrueForAll(result => result.Passed);
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            WriteJson(output, results, passed, pool.Threads);
        }
        else
        {
            WriteTable(output, results, passed, pool.Threads);
        }

        return passed ? ExitCode.Done : ExitCode.Failed;
    }

    private static void WriteJson(TextWriter output, List<GradientCheckResult> results, bool passed, int threads) => JsonOutput.Write(output, writer =>
    {
        writer.WriteBoolean("passed", passed);
        writer.WriteNumber("lanes", WorkerPool.Lanes);
        writer.WriteNumber("threads", threads);
        writer.WriteStartArray("checks");
        foreach (GradientCheckResult result in results)
        {
            writer.WriteStartObject();
            writer.WriteString("name", result.Name);
            writer.WriteNumber("elements", result.Elements);
            writer.WriteNumberOrNull("max_relative_error", result.MaxRelativeError);
            writer.WriteNumber("tolerance", result.Tolerance);
            writer.WriteBoolean("passed", result.Passed);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static void WriteTable(TextWriter output, List<GradientCheckResult> results, bool passed, int threads)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("Check").AddColumn(new TableColumn("Gradients").RightAligned())
            .AddColumn(new TableColumn("Largest error").RightAligned()).AddColumn(new TableColumn("Tolerance").RightAligned()).AddColumn("Result");
        foreach (GradientCheckResult result in results)
        {
            table.AddRow(
                Markup.Escape(result.Name), result.Elements.ToString("N0", CultureInfo.InvariantCulture),
                result.MaxRelativeError.ToString("0.0E-0", CultureInfo.InvariantCulture), result.Tolerance.ToString("0.0E-0", CultureInfo.InvariantCulture),
                result.Passed ? "[green]pass[/]" : "[red]FAIL[/]");
        }

        TableOutput.Write(output, table);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{results.Count(r => r.Passed)} of {results.Count} checks pass, with {WorkerPool.Lanes} lanes a register and {threads} threads. Errors are relative to the gradients."));
    }
}
