using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Models;
using Quatrain.Models.Checkpoints;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Training;
using Quatrain.Training.Runs;
using Spectre.Console;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain inspect: what a model, a file or a preset is. Reads no weights, so it is instant for models of any size.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        Argument<string?> model = new("model")
        {
            Description = "A run folder, a folder with config.json, or a .safetensors file.",
            HelpName = "MODEL",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> preset = new("--preset") { Description = $"Inspect what this preset would train instead, or a published size: {string.Join(", ", Gpt2Sizes.Names)}.", HelpName = "name" };
        preset.CompletionSources.Add([.. NamedModel.Names]);
        Option<int?> batchSize = NumberOption.OptionalWhole<int>("--batch-size", "Sequences in a training step; default: the run's, or 1.");
        Option<int?> contextLength = NumberOption.OptionalWhole<int>("--context-length", "Tokens in a sequence; default: the model's context.");
        Command command = new("inspect", "Show a model's layers, shapes, parameter counts, and the memory that training and decoding need.")
        {
            model, preset, batchSize, contextLength,
        };
        command.SetAction(parsed =>
        {
            string? path = parsed.GetValue(model);
            if (path is null == parsed.GetValue(preset) is null)
            {
                throw new InvalidDataException("Name either a model or a --preset to inspect.");
            }

            if (path is not null && File.Exists(path))
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
                ShowFile(parsed, file);
                return ExitCode.Done;
            }

            (Gpt2Config config, int batch) = path is null ? OfPreset(parsed.GetValue(preset)!) : OfFolder(path);
            batch = NumberOption.InRange(parsed.GetValue(batchSize) ?? batch, "--batch-size", 1 << 20);
            int length = NumberOption.InRange(parsed.GetValue(contextLength) ?? config.ContextLength, "--context-length", config.ContextLength);
            ShowModel(parsed, new Forecast(config, batch, length));
            return ExitCode.Done;
        });
        return command;
    }

    private static (Gpt2Config Config, int BatchSize) OfPreset(string name)
    {
        NamedModel model = NamedModel.Find(name);
        return (model.Config, model.Options.BatchSize);
    }

    private static (Gpt2Config Config, int BatchSize) OfFolder(string path)
    {
        string config = Path.Combine(path, ModelFolder.ConfigFileName);
        if (!File.Exists(config))
        {
            throw new InvalidDataException($"'{path}' is neither a model folder nor a .safetensors file; name a run folder, or a folder with config.json.");
        }

        RunFolder run = new(path);
        return (Gpt2ConfigJson.Read(config), run.HoldsRun ? RunDescription.Read(run.TrainingPath).Options.BatchSize : 1);
    }

    private static void ShowFile(ParseResult parsed, SafetensorsFile file)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer =>
            {
                writer.WriteNumber("parameters", file.Entries.Sum(entry => entry.ElementCount));
                writer.WriteStartObject("metadata");
                foreach ((string key, string value) in file.Metadata)
                {
                    writer.WriteString(key, value);
                }

                writer.WriteEndObject();
                WriteTensors(writer, file.Entries.Select(entry => (entry.Name, entry.Shape, entry.ElementCount)));
            });
            return;
        }

        Table(output, file.Entries.Select(entry => (entry.Name, $"{entry.DType} [{string.Join(", ", entry.Shape)}]", entry.ElementCount)));
        foreach ((string key, string value) in file.Metadata)
        {
            output.WriteLine($"{key}: {value}");
        }
    }

    private static void ShowModel(ParseResult parsed, Forecast forecast)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        Gpt2Config config = forecast.Config;
        IReadOnlyList<(string Name, Shape Shape)> tensors = Gpt2Memory.Parameters(config);
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer => Write(writer, forecast, tensors));
            return;
        }

        Table(output, tensors.Select(tensor => (tensor.Name, tensor.Shape.ToString(), (long)tensor.Shape.ElementCount)));
        output.WriteLine(Invariant(
            $"GPT-2: {config.LayerCount} layers, {config.HeadCount} heads of {config.HeadSize}, {config.EmbeddingSize} wide, context {config.ContextLength}, vocabulary {config.VocabularySize:N0}, {(config.Bias ? "biases" : "no biases")}, {config.Activation}, {(config.TieEmbeddings ? "tied" : "separate")} head."));
        output.WriteLine();
        output.WriteLine(Invariant($"Memory to train, batch {forecast.BatchSize} x {forecast.ContextLength} tokens:  {Megabytes(forecast.TrainingBytes)}"));
        output.WriteLine(Invariant($"  weights {Megabytes(forecast.WeightBytes)}, gradients {Megabytes(forecast.GradientBytes)}, AdamW's moments {Megabytes(forecast.OptimizerBytes)}, activations {Megabytes(forecast.ActivationBytes)} ({forecast.SliceSize} sequences at a time)"));
        output.WriteLine(Invariant($"Memory to decode {forecast.ContextLength} tokens:  {Megabytes(forecast.DecodingBytes)}"));
        output.WriteLine(Invariant($"  weights {Megabytes(forecast.WeightBytes)}, key-value cache {Megabytes(forecast.CacheBytes)}"));
        output.WriteLine(Invariant($"Arithmetic of a training step:  {forecast.StepFlops / 1e9:N2} GFLOP"));
    }

    private static void Write(Utf8JsonWriter writer, Forecast forecast, IReadOnlyList<(string Name, Shape Shape)> tensors)
    {
        Gpt2Config config = forecast.Config;
        writer.WriteNumber("parameters", config.ParameterCount);
        writer.WriteNumber("layer_count", config.LayerCount);
        writer.WriteNumber("head_count", config.HeadCount);
        writer.WriteNumber("embedding_size", config.EmbeddingSize);
        writer.WriteNumber("context_length", config.ContextLength);
        writer.WriteNumber("vocabulary_size", config.VocabularySize);
        writer.WriteStartObject("training_memory");
        writer.WriteNumber("batch_size", forecast.BatchSize);
        writer.WriteNumber("context_length", forecast.ContextLength);
        writer.WriteNumber("slice_size", forecast.SliceSize);
        writer.WriteNumber("weights_bytes", forecast.WeightBytes);
        writer.WriteNumber("gradients_bytes", forecast.GradientBytes);
        writer.WriteNumber("optimizer_bytes", forecast.OptimizerBytes);
        writer.WriteNumber("activations_bytes", forecast.ActivationBytes);
        writer.WriteNumber("total_bytes", forecast.TrainingBytes);
        writer.WriteEndObject();
        writer.WriteStartObject("decoding_memory");
        writer.WriteNumber("weights_bytes", forecast.WeightBytes);
        writer.WriteNumber("cache_bytes", forecast.CacheBytes);
        writer.WriteNumber("total_bytes", forecast.DecodingBytes);
        writer.WriteEndObject();
        writer.WriteNumber("training_step_gflop", forecast.StepFlops / 1e9);
        WriteTensors(writer, tensors.Select(tensor =>
            (tensor.Name, Enumerable.Range(0, tensor.Shape.Rank).Select(i => (long)tensor.Shape[i]).ToArray(), (long)tensor.Shape.ElementCount)));
    }

    private static void WriteTensors(Utf8JsonWriter writer, IEnumerable<(string Name, long[] Shape, long Count)> tensors)
    {
        writer.WriteStartArray("tensors");
        foreach ((string name, long[] shape, long count) in tensors)
        {
            writer.WriteStartObject();
            writer.WriteString("name", name);
            writer.WriteStartArray("shape");
            foreach (long size in shape)
            {
                writer.WriteNumberValue(size);
            }

            writer.WriteEndArray();
            writer.WriteNumber("parameters", count);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Table(TextWriter output, IEnumerable<(string Name, string Shape, long Count)> rows)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("Tensor").AddColumn("Shape").AddColumn(new TableColumn("Parameters").RightAligned());
        long total = 0;
        foreach ((string name, string shape, long count) in rows)
        {
            total += count;
            table.AddRow(Markup.Escape(name), Markup.Escape(shape), count.ToString("N0", CultureInfo.InvariantCulture));
        }

        table.Columns[0].Footer("Total");
        table.Columns[2].Footer(total.ToString("N0", CultureInfo.InvariantCulture));
        TableOutput.Write(output, table);
    }

    private static string Megabytes(long bytes) => Invariant($"{bytes / 1048576.0:N1} MB");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A model's needs for a batch.</summary>
    private sealed record Forecast(Gpt2Config Config, int BatchSize, int ContextLength)
    {
        /// <summary>The sequences whose activations exist at the same time.</summary>
        public int SliceSize => new BatchSlices(BatchSize, ContextLength).LargestSize;

        public long WeightBytes => Gpt2Memory.WeightBytes(Config);

        public long GradientBytes => Gpt2Memory.GradientBytes(Config);

        public long OptimizerBytes => Gpt2Memory.OptimizerBytes(Config);

        public long ActivationBytes => Gpt2Memory.TrainingActivationBytes(Config, SliceSize, ContextLength);

        public long TrainingBytes => Gpt2Memory.TrainingBytes(Config, SliceSize, ContextLength);

        public long CacheBytes => Gpt2Memory.KvCacheBytes(Config, 1, ContextLength);

        public long DecodingBytes => Gpt2Memory.DecodingBytes(Config, 1, ContextLength, TokenGenerator.PromptChunk);

        public double StepFlops => (double)Gpt2Flops.TrainingFlopsPerToken(Config, ContextLength) * BatchSize * ContextLength;
    }
}
