using System.CommandLine;
using System.Text.Json;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain train: pre-trains a model from scratch, or goes on with a run.</summary>
internal static class TrainCommand
{
    private const string DefaultPreset = "quatrains";
    private const string RunsFolder = "runs";

    public static Command Create()
    {
        Option<string?> config = new("--config") { Description = "A JSON file of options, as --preset has them; options on the command line win.", HelpName = "file" };
        Option<string?> folder = new("--out") { Description = "The run's folder; default: runs/NAME of the preset, with a number if that is taken.", HelpName = "folder" };
        Option<bool> resume = new("--resume") { Description = "Go on with the run in --out, to the last bit as if it had never stopped." };
        Command command = new("train", "Train a model from scratch on built-in verses, on Tiny Shakespeare or on your own text.")
        {
            config, folder, resume,
        };
        Dictionary<OptionKey, Option<string?>> options = [];
        foreach (OptionKey key in OptionKeys.All)
        {
            options.Add(key, OptionFor(key));
            command.Options.Add(options[key]);
        }

        command.SetAction((parsed, cancellation) =>
        {
            // Presets come first in the table, so every other option changes what they set.
            List<(OptionKey Key, string Value)> given =
                [.. options.Where(pair => parsed.GetResult(pair.Value) is not null).Select(pair => (pair.Key, parsed.GetValue(pair.Value) ?? "true"))];
            return RunAsync(parsed, parsed.GetValue(config), parsed.GetValue(folder), parsed.GetValue(resume), given, cancellation);
        });
        return command;
    }

    private static Option<string?> OptionFor(OptionKey key)
    {
        Option<string?> option = new(key.CommandLineName)
        {
            Description = key.Description,
            HelpName = key.Kind switch { OptionKind.Choice => string.Join('|', key.Choices), OptionKind.Boolean => "true|false", OptionKind.Text => key.Name, _ => "n" },
            Arity = key.Kind == OptionKind.Boolean ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
        };
        IReadOnlyList<string> words = key.Name == "preset" ? Presets.Names : key.Name == "tokenizer" ? [TrainingOptions.CharacterTokens, "gpt2"] : key.Kind == OptionKind.Boolean ? ["true", "false"] : key.Choices;
        option.CompletionSources.Add(_ => words.Select(word => new System.CommandLine.Completions.CompletionItem(word)));
        return option;
    }

    private static async Task<int> RunAsync(
        ParseResult parsed, string? config, string? folder, bool resume, List<(OptionKey Key, string Value)> given, CancellationToken cancellation)
    {
        bool json = parsed.GetValue(GlobalOptions.Json);
        TextWriter output = parsed.InvocationConfiguration.Output, error = parsed.InvocationConfiguration.Error;
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        TrainingDisplay display = new(error);
        using TrainingRun run = await OpenAsync(config, folder, resume, given, pool, display, cancellation);
        TrainingReport report = display.Show(() => run.Run(cancellation));
        if (json)
        {
            JsonOutput.Write(output, writer => Write(writer, report, run.Folder));
        }
        else
        {
            TrainingSummary.Write(output, report, run);
        }

        return ExitCode.Done;
    }

    private static Task<TrainingRun> OpenAsync(
        string? config, string? folder, bool resume, List<(OptionKey Key, string Value)> given, WorkerPool pool, TrainingDisplay display, CancellationToken cancellation)
    {
        if (resume)
        {
            if (folder is null)
            {
                throw new InvalidDataException("--resume needs the run's folder; name it with --out.");
            }

            return TrainingRun.ResumeAsync(
                new RunFolder(folder), options => Apply(config is null ? options : TrainingOptionsJson.Read(config, options), given), pool, display, cancellation);
        }

        TrainingOptions start = config is not null ? TrainingOptionsJson.Read(config)
            : given.Exists(option => option.Key.Name == "preset") ? new TrainingOptions()
            : Presets.Load(DefaultPreset);
        TrainingOptions wished = Apply(start, given);
        RunFolder run = folder is null ? RunFolder.Unused(RunsFolder, RunName(wished, config)) : new RunFolder(folder);
        return TrainingRun.BeginAsync(run, wished, pool, display, cancellation);
    }

    private static TrainingOptions Apply(TrainingOptions options, List<(OptionKey Key, string Value)> given)
    {
        foreach ((OptionKey key, string value) in given)
        {
            options = TrainingOptionsJson.Set(options, key.CommandLineName, value);
        }

        return options;
    }

    /// <summary>The user's text gives a run its name, then the config file, then the preset.</summary>
    private static string RunName(TrainingOptions options, string? config)
    {
        string name = options.Data is not (TrainingOptions.QuatrainsData or TrainingOptions.ShakespeareData)
            ? Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(options.Data))
            : config is not null ? Path.GetFileNameWithoutExtension(config)
            : options.Preset;
        return name.Length > 0 ? name : "run";
    }

    private static void Write(Utf8JsonWriter writer, TrainingReport report, RunFolder folder)
    {
        writer.WriteNumber("steps", report.Steps);
        writer.WriteBoolean("interrupted", report.Interrupted);
        writer.WriteNumberOrNull("train_loss", report.TrainLoss);
        writer.WriteNumberOrNull("val_loss", report.ValidationLoss);
        writer.WriteNumberOrNull("best_val_loss", report.BestValidationLoss);
        writer.WriteNumberOrNull("best_bits_per_byte", report.BestBitsPerByte);
        writer.WriteNumberOrNull("best_step", report.BestStep);
        writer.WriteNumberOrNull("floor", report.Floor);
        writer.WriteNumberOrNull("parse_share", report.ParseShare);
        writer.WriteNumberOrNull("rhyme_share", report.RhymeShare);
        writer.WriteNumber("seconds", Math.Round(report.Seconds, 3));
        writer.WriteNumberOrNull("tokens_per_second", report.TokensPerSecond);
        writer.WriteNumber("parameters", report.Parameters);
        writer.WriteString("model", folder.Path);
    }
}
