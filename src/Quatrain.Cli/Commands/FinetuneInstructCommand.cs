using System.CommandLine;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference.Chat;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Instruction;
using Quatrain.Training.Logging;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain finetune instruct: teaches a model to follow instructions.</summary>
internal static class FinetuneInstructCommand
{
    private const string RunsFolder = "runs";

    public static Command Create()
    {
        InstructionOptions defaults = new();
        Argument<string?> model = new("model") { Description = "The model to start from: a run folder, a Hugging Face style folder, a file, or a pulled name such as gpt2.", HelpName = "MODEL", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> data = new("--data") { Description = "Alpaca's JSON (instruction, input, output), or JSON lines of it or of {\"messages\": [...]}.", HelpName = "file" };
        Option<string?> folder = ResumableOptions.Out("runs/instruction-data-2");
        Option<bool> resume = ResumableOptions.Resume();
        Option<string> style = new("--style") { Description = $"How prompts are written: {string.Join(", ", PromptStyle.All.Select(it => it.Name))}.", HelpName = "name", DefaultValueFactory = _ => defaults.Style };
        style.CompletionSources.Add([.. PromptStyle.All.Select(it => it.Name)]);
        Option<string?> system = new("--system") { Description = "What stands before conversations that bring no system text of their own.", HelpName = "text" };
        Option<string> loss = new("--loss-on") { Description = "Which tokens are learned: replies, or all.", HelpName = "what", DefaultValueFactory = _ => "replies" };
        loss.CompletionSources.Add("replies", "all");
        Option<int?> maxLength = NumberOption.OptionalWhole<int>("--max-length", "The most tokens of an entry; default: the model's context.");
        Option<string> tooLong = new("--too-long") { Description = "What becomes of entries with more: truncate (and count them) or refuse.", HelpName = "what", DefaultValueFactory = _ => "truncate" };
        tooLong.CompletionSources.Add("truncate", "refuse");
        Option<int> samples = new("--samples") { Description = "How many test entries are answered before and after.", HelpName = "n", DefaultValueFactory = _ => defaults.Samples };
        TuningOptionSet tuning = new(defaults.Tuning, defaults.Train, "What trains: all, last-K (the last K blocks and the last norm) or lora (adapters).", defaults.Adapters, hasHead: false);
        Command command = new("instruct", "Teach a model to follow instructions, by examples split 85/5/10 into training, validation and test part. Then talk with it: quatrain chat.")
        {
            model, data, folder, resume, style, system, loss, maxLength, tooLong, samples,
        };
        tuning.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
            FineTuningDisplay display = new(parsed.InvocationConfiguration.Error, "token");
            InstructionTraining Begin()
            {
                InstructionOptions options = new()
                {
                    Model = parsed.GetValue(model) ?? throw new InvalidDataException("There is no MODEL to start from; name a run folder, or a pulled model such as gpt2."),
                    Data = Path.GetFullPath(parsed.GetValue(data) ?? throw new InvalidDataException("There are no instructions; name a file with --data.")),
                    Style = parsed.GetValue(style)!,
                    System = parsed.GetValue(system),
                    Scored = parsed.GetValue(loss) switch
                    {
                        "replies" => ScoredTokens.Replies,
                        "all" => ScoredTokens.All,
                        var other => throw new InvalidDataException($"--loss-on is '{other}'; it must be replies or all."),
                    },
                    MaxLength = parsed.GetValue(maxLength),
                    LongEntries = parsed.GetValue(tooLong) switch
                    {
                        "truncate" => LongEntryPolicy.Truncate,
                        "refuse" => LongEntryPolicy.Refuse,
                        var other => throw new InvalidDataException($"--too-long is '{other}'; it must be truncate or refuse."),
                    },
                    Samples = parsed.GetValue(samples),
                    Train = tuning.Train(parsed),
                    Adapters = tuning.Adapters(parsed),
                    Tuning = tuning.Tuning(parsed),
                };
                RunFolder run = parsed.GetValue(folder) is { } path ? new RunFolder(path) : RunFolder.Unused(RunsFolder, Path.GetFileNameWithoutExtension(options.Data));
                return InstructionTraining.Begin(run, options, pool, display);
            }

            using InstructionTraining training = parsed.GetValue(resume)
                ? InstructionTraining.Resume(new RunFolder(ResumableOptions.RequireOnly(parsed, folder, resume)), pool, display)
                : Begin();
            return Task.FromResult(Run(parsed, training, display, cancellation));
        });
        return command;
    }

    private static int Run(ParseResult parsed, InstructionTraining training, FineTuningDisplay display, CancellationToken cancellation)
    {
        TextWriter error = parsed.InvocationConfiguration.Error, output = parsed.InvocationConfiguration.Output;
        error.WriteLine(Invariant($"{training.Training.Examples.Count:N0} entries to train on, {training.Validation.Examples.Count:N0} to validate, {training.Test.Examples.Count:N0} to test; {training.Training.ScoredCount:N0} of {training.Training.TokenCount:N0} training tokens are learned."));
        int truncated = training.Training.TruncatedCount + training.Validation.TruncatedCount + training.Test.TruncatedCount;
        int leftOut = training.Training.LeftOutCount + training.Validation.LeftOutCount + training.Test.LeftOutCount;
        if (truncated + leftOut > 0)
        {
            error.WriteLine(Invariant($"warning: {truncated:N0} entries have more than {training.MaxLength:N0} tokens and are cut, {leftOut:N0} have no reply within them and are left out."));
        }

        error.WriteLine($"Run folder {training.Folder.Path}");
        error.WriteLine($"needs {training.Memory.Describe(training.AvailableBytes)} of memory");
        InstructionOutcome outcome;
        try
        {
            outcome = training.Run(cancellation);
        }
        finally
        {
            display.Clear();
        }

        if (outcome.Result.Interrupted)
        {
            error.WriteLine($"Stopped after step {outcome.Result.Steps}; everything is saved: {ProgramName.Value} finetune instruct --out {training.Folder.Path} --resume goes on.");
        }

        if (parsed.GetValue(GlobalOptions.Json))
        {
            WriteJson(output, training, outcome);
        }
        else if (!outcome.Result.Interrupted)
        {
            WriteSummary(output, training, outcome);
        }

        return ExitCode.Done;
    }

    private static void WriteJson(TextWriter output, InstructionTraining training, InstructionOutcome outcome) => JsonOutput.Write(output, writer =>
    {
        FineTuningResult result = outcome.Result;
        writer.WriteBoolean("interrupted", result.Interrupted);
        writer.WriteString("folder", training.Folder.Path);
        writer.WriteNumber("steps", result.Steps);
        writer.WriteNumber("best_step", result.BestStep);
        writer.WriteNumberOrNull("val_loss_before", LossBefore(result));
        writer.WriteNumberOrNull("val_loss", outcome.ValidationLoss);
        writer.WriteNumberOrNull("test_loss_before", outcome.TestLossBefore);
        writer.WriteNumberOrNull("test_loss", outcome.TestLoss);
        writer.WriteNumber("seconds", Math.Round(result.Seconds, 3));
        writer.WriteNumberOrNull("seconds_per_epoch", result.SecondsPerEpoch);
        writer.WriteNumber("parameters", training.Parameters);
        writer.WriteNumber("trained_parameters", result.TrainedParameters);
        writer.WriteNumber("optimizer_bytes", result.OptimizerBytes);
        writer.WriteNumber("activation_bytes", result.ActivationBytes);
        writer.WriteStartArray("samples");
        foreach (InstructionSample sample in outcome.Samples)
        {
            writer.WriteStartObject();
            writer.WriteString("prompt", sample.Prompt);
            writer.WriteString("expected", sample.Expected);
            writer.WriteString("before", sample.Before);
            writer.WriteString("after", sample.After);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    });

    private static void WriteSummary(TextWriter output, InstructionTraining training, InstructionOutcome outcome)
    {
        foreach (InstructionSample sample in outcome.Samples)
        {
            output.WriteLine();
            output.WriteLine($"Instruction: {TrainingDisplay.Printable(sample.Prompt)}");
            output.WriteLine($"  expected:  {Line(sample.Expected)}");
            output.WriteLine($"  before:    {Line(sample.Before)}");
            output.WriteLine($"  after:     {Line(sample.After)}");
        }

        output.WriteLine();
        output.WriteLine(Invariant($"Validation loss {LossBefore(outcome.Result):F4} before, {outcome.ValidationLoss:F4} after; test loss {outcome.TestLossBefore:F4} before, {outcome.TestLoss:F4} after (nats/token)."));
        output.WriteLine(Invariant($"{outcome.Result.Steps:N0} steps in {outcome.Result.Seconds:F1} s; the best after step {outcome.Result.BestStep:N0} was kept."));
        output.WriteLine();
        output.WriteLine("What to try next:");
        output.WriteLine($"  {ProgramName.Value} chat {training.Folder.Path}");
    }

    private static double? LossBefore(FineTuningResult result) => result.Records.OfType<EvaluationRecord>().FirstOrDefault(record => record.Step == 0)?.ValidationLoss;

    private static string Line(string text) => TrainingDisplay.Printable(text).Replace("\n", "\n             ", StringComparison.Ordinal);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
