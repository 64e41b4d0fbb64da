using System.CommandLine;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Verification;
using Spectre.Console;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain verify: shows on the user's own machine that every gradient is right, or that a model is the published one.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Argument<string?> model = new("model")
        {
            Description = "A model of GPT-2's published 124M sizes, in any format that is read.",
            HelpName = "MODEL",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> golden = new("--golden")
        {
            Description = "A safetensors file with all logits after each of the five prompts, exN.logits_last; default: the 20 largest of each, which are built in.",
            HelpName = "file.safetensors",
        };
        Option<bool> quick = new("--quick") { Description = "Leave out the ten steps of fine-tuning, which take 2.5 GB of memory." };
        Command command = new(
            "verify",
            "Without MODEL: check the gradients of every operation and of whole models against finite differences, on this machine. With MODEL: check that it is "
                + "the published GPT-2 124M and that this program computes it rightly. Verified means: all 148 weights have the published bytes (SHA-1; rounded ones "
                + "fail); the logits after five prompts are within 5E-3 of golden ones (made with the exact GELU, so computed with it); greedy decoding writes the "
                + "three published continuations, token for token; a text's loss is within 1E-3; and ten steps of AdamW on llm.c's batch give its losses within 1E-2. "
                + "A model that no facts are known of is only checked for being whole. Exit code 1 where a check fails.")
        {
            model, golden, quick,
        };
        command.SetAction((parsed, cancellation) =>
        {
            string? file = parsed.GetValue(golden);
            bool isQuick = parsed.GetValue(quick);
            if (parsed.GetValue(model) is { } path)
            {
                return Task.FromResult(VerifyModel.Run(parsed, path, file, isQuick, cancellation));
            }

            return file is null && !isQuick
                ? Task.FromResult(Run(parsed, cancellation))
                : throw new InvalidDataException($"{(isQuick ? "--quick" : "--golden")} is for checking a model; name the MODEL.");
        });
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        List<GradientCheckResult> results = [];
        foreach (Func<GradientCheckResult> check in OpGradientChecks.All.Select<OpGradientCheck, Func<GradientCheckResult>>(op => () => op.Run(pool))
            .Concat(Gpt2GradientChecks.Cases.Select<Gpt2GradientCheck, Func<GradientCheckResult>>(model => () => Gpt2GradientChecks.Run(model, pool))))
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
