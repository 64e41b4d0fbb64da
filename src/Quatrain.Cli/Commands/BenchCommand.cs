using System.CommandLine;
using System.Text.Json;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Training;
using Quatrain.Training.Benchmarks;
using Quatrain.Training.Options;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain bench: what the machine can do, and what a training step makes of it.</summary>
internal static class BenchCommand
{
    private const string DefaultPreset = "shakespeare-char-cpu";
    private const int MostSteps = 1_000_000;

    public static Command Create()
    {
        Option<string> preset = new("--preset")
        {
            Description = $"The model of a preset, with its dropout and as many characters as its text has (65 for Tiny Shakespeare): {string.Join(", ", Presets.Names)}.",
            HelpName = "name",
            DefaultValueFactory = _ => DefaultPreset,
        };
        preset.CompletionSources.Add([.. Presets.Names]);
        Option<bool> decode = new("--decode") { Description = "Measure reading a prompt and decoding after it, instead of training." };
        Option<string?> weights = WeightsOption.CreateForBenchmark();
        Option<int?> batchSize = NumberOption.OptionalWhole<int>("--batch-size", "Sequences in a training step; default: the preset's, or 4 for GPT-2's sizes. Decoding: sequences side by side; default: 1.");
        Option<int?> contextLength = NumberOption.OptionalWhole<int>("--context-length", "Tokens in a sequence; default: the preset's, or 64 for GPT-2's sizes. Decoding: tokens in the prompt; default: 512, or half of a shorter context.");
        Option<int?> steps = NumberOption.OptionalWhole<int>("--steps", "Steps to measure; default: what fits in about ten seconds, at least 3. Decoding: tokens after the prompt; default: 128, or what fits in the context.");
        Command command = new(
            "bench", "Measure the machine (multiply-add peak, memory) and the training step or the decoding of a model with random weights, operation by operation.")
        {
            preset, decode, weights, batchSize, contextLength, steps,
        };
        command.SetAction((parsed, cancellation) =>
        {
            NamedModel named = NamedModel.Find(parsed.GetValue(preset)!);
            WeightFormat? format = WeightsOption.Parse(parsed.GetValue(weights));
            if (parsed.GetValue(decode))
            {
                DecodeSizes sizes = DecodeSizes.For(named.Config, parsed.GetValue(batchSize), parsed.GetValue(contextLength), parsed.GetValue(steps));
                return Task.FromResult(RunDecode(parsed, named, sizes, format ?? WeightFormat.Float32, cancellation));
            }

            if (format is not null)
            {
                throw new InvalidDataException("--weights goes with --decode only: training is in fp32; add --decode, or leave --weights out.");
            }

            NamedModel model = named.With(parsed.GetValue(batchSize), parsed.GetValue(contextLength));
            int? count = parsed.GetValue(steps) is { } given ? NumberOption.InRange(given, "--steps", MostSteps) : null;
            return Task.FromResult(Run(parsed, model, count, cancellation));
        });
        return command;
    }

    /// <summary>Checks that the model can be trained in that much memory: the trainer holds the activations of one slice of a batch at a time.</summary>
    /// <exception cref="InvalidDataException">It can't.</exception>
    internal static void CheckFits(NamedModel model, long availableBytes) =>
        new TrainingMemory(model.Config, model.Options.BatchSize, model.Options.ContextLength).CheckFits(availableBytes);

    private static int Run(ParseResult parsed, NamedModel model, int? steps, CancellationToken cancellation)
    {
        CheckFits(model, SystemMemory.AvailableBytes);
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        BenchReport report = BenchProgress.Show(parsed.InvocationConfiguration.Error, progress => Measure(model, steps, pool, progress, cancellation));
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer => Write(writer, report));
        }
        else
        {
            report.Write(output);
        }

        return ExitCode.Done;
    }

    private static int RunDecode(ParseResult parsed, NamedModel model, DecodeSizes sizes, WeightFormat weights, CancellationToken cancellation)
    {
        sizes.CheckFits(model.Config, weights, SystemMemory.AvailableBytes);
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        DecodeReport report = BenchProgress.Show(parsed.InvocationConfiguration.Error, progress =>
        {
            progress.Begin("making the model");
            DecodeMeasurement decoding;
            using (DecodeBenchmark benchmark = new(model.Config, weights, pool))
            {
                progress.Begin("measuring decoding");
                decoding = benchmark.Measure(sizes.PromptTokens, sizes.NewTokens, sizes.BatchSize, progress.Report, cancellation);
            }

            progress.Begin("measuring the machine");
            return new DecodeReport(model.Name, model.Config, weights, pool.Threads, MachineSpeed.Measure(pool, cancellation), decoding);
        });
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, report.Write);
        }
        else
        {
            report.Write(output);
        }

        return ExitCode.Done;
    }

    private static BenchReport Measure(NamedModel model, int? steps, WorkerPool pool, BenchProgress progress, CancellationToken cancellation)
    {
        progress.Begin("making the model");
        StepMeasurement step;
        using (StepBenchmark benchmark = new(model.Config, model.Options, pool))
        {
            progress.Begin("measuring steps");
            step = benchmark.Measure(steps, progress.Report, cancellation);
        }

        // Last, because what it reads would otherwise be the most memory that the process has held.
        progress.Begin("measuring the machine");
        return new BenchReport(model, pool.Threads, MachineSpeed.Measure(pool, cancellation), step);
    }

    private static void Write(Utf8JsonWriter writer, BenchReport report)
    {
        StepMeasurement step = report.Step;
        writer.WriteString("preset", report.Model.Name);
        writer.WriteNumber("threads", report.Threads);
        writer.WriteNumber("lanes", WorkerPool.Lanes);
        writer.WriteNumberOrNull("peak_gflops", report.Machine.PeakGflops);
        writer.WriteNumberOrNull("memory_gb_s", report.Machine.MemoryGigabytesPerSecond);
        writer.WriteNumber("parameters", report.Model.Config.ParameterCount);
        writer.WriteNumber("batch_size", report.Model.Options.BatchSize);
        writer.WriteNumber("context_length", report.Model.Options.ContextLength);
        writer.WriteNumber("dropout", Math.Round(report.Model.Config.ResidualDropout, 6));
        writer.WriteNumber("steps", step.Seconds.Count);
        writer.WriteNumber("step_ms", step.MedianSeconds * 1e3);
        writer.WriteNumber("step_ms_min", step.LeastSeconds * 1e3);
        writer.WriteNumberOrNull("step_gflops", step.Gflops);
        writer.WriteNumberOrNull("share_of_peak", step.Gflops / report.Machine.PeakGflops);
        writer.WriteNumberOrNull("tokens_per_second", step.TokensPerSecond);
        writer.WriteNumber("peak_memory_mb", BenchReport.Megabytes(step.PeakMemoryBytes));
        OperationTable.Write(writer, "operations", step.Operations, step.ProfiledSteps, step.ProfiledSeconds, report.Machine);
        writer.WriteNumber("other_ms", step.OtherSeconds / step.ProfiledSteps * 1e3);
    }

    /// <summary>What is decoded: sequences side by side, the tokens of their prompts, and the tokens after them.</summary>
    internal readonly record struct DecodeSizes(int BatchSize, int PromptTokens, int NewTokens)
    {
        private const int MostSequences = 4096, PromptLength = 512, Tokens = 128;

        /// <exception cref="InvalidDataException">A size is impossible.</exception>
        public static DecodeSizes For(Gpt2Config config, int? batchSize, int? promptTokens, int? newTokens)
        {
            int context = config.ContextLength;
            if (context < 3)
            {
                throw new InvalidDataException($"A context of {context} tokens is too short to measure decoding in.");
            }

            // The first token comes of the prompt, so that at least one more must fit.
            int prompt = NumberOption.InRange(promptTokens ?? Math.Min(PromptLength, context / 2), "--context-length", context - 2);
            return new DecodeSizes(
                NumberOption.InRange(batchSize ?? 1, "--batch-size", MostSequences), prompt,
                1 + NumberOption.InRange(newTokens ?? Math.Min(Tokens, context - prompt - 1), "--steps", context - prompt - 1));
        }

        /// <exception cref="InvalidDataException">It needs more memory than that.</exception>
        public void CheckFits(Gpt2Config config, WeightFormat weights, long availableBytes)
        {
            // Weights of another format are made from float32's, which are given back before anything else is taken.
            long state = Gpt2Memory.DecodingStateBytes(config, BatchSize, PromptTokens + NewTokens, TokenGenerator.PromptChunk);
            long needed = weights == WeightFormat.Float32
                ? Gpt2Memory.WeightBytes(config) + state
                : Gpt2Memory.WeightBytes(config, weights) + Math.Max(Gpt2Memory.WeightBytes(config), state);
            if (needed > availableBytes)
            {
                throw new InvalidDataException(FormattableString.Invariant(
                    $"Decoding {BatchSize} sequences of {PromptTokens + NewTokens} tokens with this model needs {needed / 1048576.0:N0} MB of memory, and {availableBytes / 1048576.0:N0} MB are available; choose a smaller model or batch."));
            }
        }
    }
}
