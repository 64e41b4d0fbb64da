using System.CommandLine;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference.Verification;
using Quatrain.Models;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Spectre.Console;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain verify MODEL: holds a model against what is known of the published one.</summary>
internal static class VerifyModel
{
    public static int Run(ParseResult parsed, string name, string? goldenPath, bool quick, CancellationToken cancellation)
    {
        using Gpt2Source source = Gpt2Source.Open(ModelPath.Resolve(name));
        return Run(parsed, source, ModelReference.For(source.Config), goldenPath, quick, cancellation);
    }

    internal static int Run(
        ParseResult parsed, Gpt2Source source, ModelReference? reference, string? goldenPath, bool quick, CancellationToken cancellation)
    {
        if (reference is null && goldenPath is not null)
        {
            throw new InvalidDataException($"--golden is for {ModelReference.Gpt2.Name}, and the model in '{source.File.Path}' is of another size; leave it out.");
        }

        if (reference?.Training is { } training && !quick)
        {
            RequireMemory(source.Config, training);
        }

        using SafetensorsFile? golden = goldenPath is null ? null : SafetensorsFile.Open(goldenPath);
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        TextWriter error = parsed.InvocationConfiguration.Error;
        List<VerificationCheck> checks = [];
        string group = "";
        ModelVerifier verifier = new(source, pool, check =>
        {
            if (check.Group != group && !parsed.GetValue(GlobalOptions.Json))
            {
                error.WriteLine($"Checking {check.Group}.");
            }

            group = check.Group;
            checks.Add(check);
        });
        if (reference is null)
        {
            verifier.VerifyUnknown();
        }
        else
        {
            verifier.Verify(reference, golden, training: !quick, cancellation);
        }

        bool passed = checks.TrueForAll(check => check.Passed);
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            WriteJson(output, reference, checks, passed);
        }
        else
        {
            WriteTable(output, reference, checks, passed);
        }

        return passed ? ExitCode.Done : ExitCode.Failed;
    }

    private static void RequireMemory(Gpt2Config config, TrainingReference training)
    {
        long needed = Gpt2Memory.TrainingBytes(config, training.BatchSize, (training.Ids.Length - 1) / training.BatchSize);
        if (needed > SystemMemory.AvailableBytes)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"The fine-tuning check needs {needed / 1048576.0:N0} MB of memory, and {SystemMemory.AvailableBytes / 1048576.0:N0} MB are available; leave it out with --quick."));
        }
    }

    private static void WriteJson(TextWriter output, ModelReference? reference, List<VerificationCheck> checks, bool passed) => JsonOutput.Write(output, writer =>
    {
        writer.WriteBoolean("passed", passed);
        writer.WriteString("reference", reference?.Name);
        writer.WriteStartArray("checks");
        foreach (VerificationCheck check in checks)
        {
            writer.WriteStartObject();
            writer.WriteString("group", check.Group);
            writer.WriteString("name", check.Name);
            writer.WriteBoolean("passed", check.Passed);
            writer.WriteString("detail", check.Detail);
            writer.WriteNumberOrNull("error", check.Error);
            writer.WriteNumberOrNull("tolerance", check.Tolerance);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static void WriteTable(TextWriter output, ModelReference? reference, List<VerificationCheck> checks, bool passed)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("Check").AddColumn("Found").AddColumn(new TableColumn("Error").RightAligned())
            .AddColumn(new TableColumn("Tolerance").RightAligned()).AddColumn("Result");
        int same = checks.Count(check => check is { Group: "weights", Passed: true });
        if (reference is not null && same > 0)
        {
            table.AddRow("weights", $"{same} as published, bit for bit", "", "", "[green]pass[/]");
        }

        // A hundred and more weights that are right need no line each.
        foreach (VerificationCheck check in checks.Where(check => reference is null || check is not { Group: "weights", Passed: true }))
        {
            table.AddRow(
                Markup.Escape($"{check.Group}: {check.Name}"), Markup.Escape(check.Detail), Number(check.Error), Number(check.Tolerance),
                check.Passed ? "[green]pass[/]" : "[red]FAIL[/]");
        }

        TableOutput.Write(output, table);
        output.WriteLine($"{checks.Count(check => check.Passed)} of {checks.Count} checks pass.");
        output.WriteLine(reference is null ? "No facts are known of a model of these sizes: it was only checked that it is whole."
            : passed ? $"This is the published {reference.Name}, and this program computes it rightly."
            : $"This is not the published {reference.Name} to the last bit, or it is not computed rightly.");
    }

    private static string Number(double? number) => number?.ToString("0.0E-0", CultureInfo.InvariantCulture) ?? "";
}
