using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference.Classification;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Classification;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.FineTuning;
using Quatrain.Training.FineTuning.Report;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain finetune classify: makes a text classifier from a model and labelled texts.</summary>
internal static class FinetuneClassifyCommand
{
    private const string RunsFolder = "runs", ReportName = "report.html", JsonName = "report.json";

    public static Command Create()
    {
        ClassifierOptions defaults = new();
        Argument<string?> model = new("model") { Description = "The model to start from: a run folder, a Hugging Face style folder, a file, or a pulled name such as gpt2.", HelpName = "MODEL", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> data = new("--data") { Description = "The labelled texts: a CSV, TSV or JSONL file.", HelpName = "file" };
        Option<string?> folder = ResumableOptions.Out("runs/sms-2");
        Option<bool> resume = ResumableOptions.Resume();
        ColumnOptionSet columns = new(labels: "The column or field of the labels; default: found out.");
        Option<bool> balance = new("--balance") { Description = "Use of each class only as many texts as the smallest has, drawn by the seed." };
        Option<bool> weights = new("--class-weights") { Description = "Let a text of a rare class count more, so that all classes count the same." };
        Option<string> pooling = new("--pooling")
        {
            Description = $"What the head looks at: {string.Join(", ", ClassifierSettings.Poolings)}. last-position pads every text to one length and reads the padding, as Raschka's book does; mean is often more accurate with a small model.",
            HelpName = "where",
            DefaultValueFactory = _ => ClassifierSettings.NameOf(defaults.Pooling),
        };
        pooling.CompletionSources.Add([.. ClassifierSettings.Poolings]);
        Option<int?> maxLength = NumberOption.OptionalWhole<int>("--max-length", "The most tokens of a text that are read; default: the model's context.");
        Option<string> tooLong = new("--too-long") { Description = "What becomes of texts with more: truncate (and count them) or refuse.", HelpName = "what", DefaultValueFactory = _ => "truncate" };
        tooLong.CompletionSources.Add("truncate", "refuse");
        Option<string?> positive = new("--positive") { Description = "The class that is looked for, such as spam; default: the rarer of two.", HelpName = "label" };
        Option<double?> rate = NumberOption.OptionalDecimal("--max-false-positive-rate", "Choose that class so seldom that at most this share of the other texts is taken for it, as measured on the validation part.");
        Option<bool> noBaseline = new("--no-baseline") { Description = "Do not train a logistic regression on character n-grams to compare with." };
        TuningOptionSet tuning = new(
            defaults.Tuning, defaults.Train, "What trains beside the head: all, last-K (the last K blocks and the last norm), head (nothing) or lora (adapters).", defaults.Adapters, hasHead: true);
        Command command = new(
            "classify",
            "Make a text classifier from a model and a file of labelled texts, split 70/10/20 into training, validation and test part. Leaves the classifier and report.html in the run's folder.")
        {
            model, data, folder, resume,
        };
        columns.AddTo(command);
        foreach (Option option in new Option[] { balance, weights, pooling, maxLength, tooLong, positive, rate, noBaseline })
        {
            command.Options.Add(option);
        }

        tuning.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
            FineTuningDisplay display = new(parsed.InvocationConfiguration.Error, "text");
            ClassifierTraining Begin()
            {
                ClassifierOptions options = new()
                {
                    Model = parsed.GetValue(model) ?? throw new InvalidDataException("There is no MODEL to start from; name a run folder, or a pulled model such as gpt2."),
                    Data = Path.GetFullPath(parsed.GetValue(data) ?? throw new InvalidDataException("There are no labelled texts; name a file with --data.")),
                    Columns = columns.Parse(parsed),
                    Balance = parsed.GetValue(balance),
                    ClassWeights = parsed.GetValue(weights),
                    Pooling = ParsePooling(parsed.GetValue(pooling)!),
                    MaxLength = parsed.GetValue(maxLength),
                    RefuseLong = ParseTooLong(parsed.GetValue(tooLong)!),
                    Train = tuning.Train(parsed),
                    Adapters = tuning.Adapters(parsed),
                    Positive = parsed.GetValue(positive),
                    MaxFalsePositiveRate = parsed.GetValue(rate),
                    Baseline = !parsed.GetValue(noBaseline),
                    Tuning = tuning.Tuning(parsed),
                };
                RunFolder run = parsed.GetValue(folder) is { } path ? new RunFolder(path) : RunFolder.Unused(RunsFolder, Path.GetFileNameWithoutExtension(options.Data));
                return ClassifierTraining.Begin(run, options, pool, display);
            }

            using ClassifierTraining training = parsed.GetValue(resume)
                ? ClassifierTraining.Resume(new RunFolder(ResumableOptions.RequireOnly(parsed, folder, resume)), pool, display)
                : Begin();
            return Task.FromResult(Run(parsed, training, display, cancellation));
        });
        return command;
    }

    private static Pooling ParsePooling(string name) => ClassifierSettings.ParsePooling(name)
        ?? throw new InvalidDataException($"--pooling is '{name}'; it must be {string.Join(", ", ClassifierSettings.Poolings)}.");

    private static bool ParseTooLong(string name) => name switch
    {
        "truncate" => false,
        "refuse" => true,
        _ => throw new InvalidDataException($"--too-long is '{name}'; it must be truncate or refuse."),
    };

    private static int Run(ParseResult parsed, ClassifierTraining training, FineTuningDisplay display, CancellationToken cancellation)
    {
        TextWriter error = parsed.InvocationConfiguration.Error, output = parsed.InvocationConfiguration.Output;
        Announce(error, training);
        ClassifierOutcome outcome;
        try
        {
            outcome = training.Run(cancellation);
        }
        finally
        {
            display.Clear();
        }

        bool json = parsed.GetValue(GlobalOptions.Json);
        if (outcome.Evaluation is null)
        {
            if (json)
            {
                JsonOutput.Write(output, writer =>
                {
                    writer.WriteBoolean("interrupted", true);
                    writer.WriteNumber("steps", outcome.Result.Steps);
                });
            }

            error.WriteLine($"Stopped after step {outcome.Result.Steps}; everything is saved: {ProgramName.Value} finetune classify --out {training.Folder.Path} --resume goes on.");
            return ExitCode.Done;
        }

        ClassifierReport report = ReportOfRun.Make(training, outcome);
        string page = Path.Combine(training.Folder.Path, ReportName);
        ReportPage.Write(page, report);
        AtomicFile.Write(Path.Combine(training.Folder.Path, JsonName), stream =>
        {
            using Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true });
            ReportJson.Write(writer, report);
        });
        if (json)
        {
            JsonOutput.Write(output, writer =>
            {
                writer.WriteBoolean("interrupted", false);
                writer.WriteString("folder", training.Folder.Path);
                writer.WriteNumber("parameters", training.Parameters);
                writer.WriteNumber("trained_parameters", outcome.Result.TrainedParameters);
                writer.WriteNumber("optimizer_bytes", outcome.Result.OptimizerBytes);
                writer.WriteNumber("activation_bytes", outcome.Result.ActivationBytes);
                writer.WriteNumberOrNull("seconds_per_epoch", outcome.Result.SecondsPerEpoch);
                ReportJson.WriteProperties(writer, report);
            });
        }
        else
        {
            ClassifierSummary.Write(output, report, training, page);
        }

        return ExitCode.Done;
    }

    private static void Announce(TextWriter error, ClassifierTraining training)
    {
        error.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Text from {Column(training.Texts.TextColumnName)}, label from {Column(training.Texts.LabelColumnName)}: {training.Split.Training.Count:N0} texts to train on, {training.Split.Validation.Count:N0} to validate, {training.Split.Test.Count:N0} to test; {string.Join(", ", training.Split.Labels.Take(10))}{(training.Split.Labels.Count > 10 ? ", ..." : "")}."));
        Warn(training.Texts.EmptyTexts, "row has no text and is left out", "rows have no text and are left out");
        Warn(training.TruncatedTexts, $"text has more than {training.MaxLength} tokens and is cut", $"texts have more than {training.MaxLength} tokens and are cut");
        Warn(training.Split.DuplicatesAcrossParts, "text lies in more than one part, which flatters the result", "texts lie in more than one part, which flatters the result");
        error.WriteLine($"Run folder {training.Folder.Path}");
        error.WriteLine($"needs {training.Memory.Describe(training.AvailableBytes)} of memory");

        void Warn(int count, string one, string many)
        {
            if (count > 0)
            {
                error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"warning: {count:N0} {(count == 1 ? one : many)}."));
            }
        }
    }

    private static string Column(string name) => name.All(char.IsAsciiDigit) ? $"column {name}" : $"'{name}'";
}
