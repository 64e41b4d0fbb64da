using System.CommandLine;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Models;
using Quatrain.Models.Adapters;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Models.Gpt2.Export;
using Quatrain.Tokenizers;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain export: writes a model in a format of other programs.</summary>
internal static class ExportCommand
{
    private static readonly (string Name, ExportFormat Format)[] Formats =
        [("huggingface", ExportFormat.HuggingFace), ("gguf", ExportFormat.Gguf), ("llmc", ExportFormat.LlmC)];

    private static readonly (string Name, RawElementType Type)[] WeightTypes =
        [("fp32", RawElementType.F32), ("bf16", RawElementType.BF16), ("fp16", RawElementType.F16), ("int8", RawElementType.Q8)];

    public static Command Create()
    {
        Argument<string> model = LoadedModel.Argument();
        Option<string> target = new("--out") { Description = "The folder (huggingface) or file to write; what is there is replaced when the new one is whole.", HelpName = "path", Required = true };
        Option<string?> format = new("--format") { Description = "huggingface, gguf or llmc; default: by the ending of --out, .gguf or .bin, else huggingface.", HelpName = "format" };
        format.CompletionSources.Add([.. Formats.Select(row => row.Name)]);
        Option<string> weights = new("--weights")
        {
            Description = "fp32, bf16, fp16 (not llmc) or int8 (gguf: Q8_0). In a GGUF file it goes for matrices; norms, biases and positions stay fp32.",
            HelpName = "type",
            DefaultValueFactory = _ => WeightTypes[0].Name,
        };
        weights.CompletionSources.Add([.. WeightTypes.Select(row => row.Name)]);
        Option<bool> merge = new("--merge") { Description = "For an adapter's folder: write its base with the adapter merged into the weights." };
        Option<string?> baseModel = LoadedModel.BaseOption();
        Command command = new("export", "Write a model for other programs: Hugging Face's transformers, llama.cpp (GGUF) or llm.c.") { model, target, format, weights, merge, baseModel };
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(
            parsed,
            Source.Find(parsed.GetValue(model)!, parsed.GetValue(baseModel), parsed.GetValue(merge)),
            parsed.GetValue(target)!,
            parsed.GetValue(format) is { } name ? Find(Formats, name, "--format") : Guess(parsed.GetValue(target)!),
            Find(WeightTypes, parsed.GetValue(weights)!, "--weights"),
            cancellation)));
        return command;
    }

    private static int Run(ParseResult parsed, Source model, string target, ExportFormat format, RawElementType weights, CancellationToken cancellation)
    {
        RequireFreeTarget(model.Path, target);
        RequireFreeTarget(model.BasePath ?? model.Path, target);
        ITokenizer? tokenizer = ModelTokenizer.TryLoad(model.Path, model.BasePath);
        using Gpt2Source source = model.Open(tokenizer?.VocabularySize);
        bool writesTokenizer = format == ExportFormat.HuggingFace && tokenizer is not null;
        ExportOptions options = new()
        {
            Format = format,
            Weights = weights,
            Vocabulary = format == ExportFormat.Gguf ? ModelTokenizer.ToGguf(tokenizer) : null,
            EndOfTextId = (tokenizer as BytePairTokenizer)?.EndOfTextId,
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Path))),
        };
        Gpt2Export.Check(target, source.Config, options);
        BenchProgress.Show(parsed.InvocationConfiguration.Error, progress =>
        {
            progress.Begin("writing weights");
            Gpt2Export.Write(target, source, options with { Progress = new DirectProgress(progress.Report) }, cancellation);
            return progress;
        });
        if (writesTokenizer)
        {
            ModelTokenizer.Write(target, tokenizer!, source.Config.ContextLength);
        }

        Report(parsed, target, format, weights, source.Config, tokenizer);
        return ExitCode.Done;
    }

    private static void Report(ParseResult parsed, string target, ExportFormat format, RawElementType weights, Gpt2Config config, ITokenizer? tokenizer)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        long bytes = Directory.Exists(target)
            ? new DirectoryInfo(target).EnumerateFiles().Sum(file => file.Length)
            : new FileInfo(target).Length;
        string formatName = Array.Find(Formats, row => row.Format == format).Name, weightsName = Array.Find(WeightTypes, row => row.Type == weights).Name;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer =>
            {
                writer.WriteString("path", target);
                writer.WriteString("format", formatName);
                writer.WriteString("weights", weightsName);
                writer.WriteNumber("parameters", config.ParameterCount);
                writer.WriteNumber("bytes", bytes);
            });
            return;
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"Wrote '{target}': {config.ParameterCount:N0} parameters as {weightsName}, {bytes / 1048576.0:N1} MB."));
        string? note = (format, tokenizer) switch
        {
            (ExportFormat.LlmC, not null) => "The format holds no tokenizer; llm.c brings GPT-2's own.",
            (ExportFormat.HuggingFace, CharacterTokenizer) => "Its tokenizer.json is a character tokenizer's, which only Quatrain reads.",
            (ExportFormat.Gguf or ExportFormat.HuggingFace, null) => "The model has no tokenizer, so none was written; it can be used with token ids.",
            _ => null,
        };
        if (note is not null)
        {
            output.WriteLine(note);
        }

        if (!config.Bias)
        {
            output.WriteLine("The model has no biases; zeros were written in their place, with which it computes the same.");
        }
    }

    private static ExportFormat Guess(string target) => Path.GetExtension(target).ToLowerInvariant() switch
    {
        ".gguf" => ExportFormat.Gguf,
        ".bin" => ExportFormat.LlmC,
        ".safetensors" => throw new InvalidDataException($"--out is '{target}', but a model for Hugging Face is a folder; name the folder, which will hold model.safetensors and its configuration."),
        _ => ExportFormat.HuggingFace,
    };

    private static T Find<T>((string Name, T Value)[] rows, string name, string option)
    {
        int index = Array.FindIndex(rows, row => row.Name == name);
        return index >= 0
            ? rows[index].Value
            : throw new InvalidDataException($"{option} is '{name}'; it must be one of {string.Join(", ", rows.Select(row => row.Name))}.");
    }

    /// <summary>Refuses to write over the model itself or into a training run, whose files belong together.</summary>
    private static void RequireFreeTarget(string path, string target)
    {
        string from = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), to = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        if (from == to || Path.GetDirectoryName(from) == to && File.Exists(from))
        {
            throw new InvalidDataException($"--out is '{target}', where the model itself is; choose another place.");
        }

        if (Directory.Exists(target) && new RunFolder(target).HoldsRun)
        {
            throw new InvalidDataException($"--out is '{target}', which holds a training run; choose another folder.");
        }
    }

    /// <summary>What is exported: a model, or an adapter and its base.</summary>
    private sealed record Source(string Path, string? BasePath)
    {
        /// <exception cref="InvalidDataException">An adapter is not to be merged, or a model that is none is.</exception>
        public static Source Find(string name, string? baseModel, bool merge)
        {
            string path = ModelPath.Resolve(name);
            string? basePath = AdapterFolder.FindBase(path, baseModel);
            return (basePath is not null) == merge ? new Source(path, basePath) : throw new InvalidDataException(merge
                ? $"--merge is given, but '{path}' is no adapter's folder; leave it out."
                : $"'{path}' holds an adapter, which the formats can't say by itself; give --merge to write its base with the adapter merged in.");
        }

        public Gpt2Source Open(int? vocabularySize) => BasePath is null ? Gpt2Source.Open(Path, vocabularySize) : AdapterFolder.OpenMerged(Path, BasePath, vocabularySize);
    }

    // Progress<T> would report from other threads, after the work is done.
    private sealed class DirectProgress(Action<double> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
