using System.Globalization;
using System.Text.Json;
using Quatrain.Cli.Hosting;
using Quatrain.Models.Gpt2;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tensors.Profiling;
using Quatrain.Training.Benchmarks;

namespace Quatrain.Cli.Display;

/// <summary>How fast a model reads a prompt and decodes, and how a person or a program reads it.</summary>
internal sealed record DecodeReport(string Name, Gpt2Config Config, WeightFormat Weights, int Threads, MachineSpeed Machine, DecodeMeasurement Decoding)
{
    public void Write(TextWriter output)
    {
        DecodeMeasurement d = Decoding;
        output.WriteLine(BenchReport.MachineLine(Threads, Machine));
        output.WriteLine(Invariant($"Model    {Name}: {Config.ParameterCount:N0} parameters, random, held as {WeightsOption.NameOf(Weights)}; peak memory {BenchReport.Megabytes(d.PeakMemoryBytes):N1} MB"));
        output.WriteLine(Invariant(
            $"Prompt   {d.PromptTokens} tokens in {d.MedianPromptSeconds * 1e3:N1} ms (median of {d.PromptSeconds.Count:N0}; fastest {d.PromptSeconds[0] * 1e3:N1} ms): {d.PromptTokensPerSecond:N0} tokens/s, {d.PromptGflops:N1} GFLOP/s, {d.PromptShareOfPeak:P1} of the multiply-add peak"));
        output.WriteLine(Invariant(
            $"Decode   {d.StepSeconds.Count} tokens after it, {d.BatchSize} at a time: {d.MedianStepSeconds * 1e3:N2} ms (median; fastest {d.StepSeconds[0] * 1e3:N2} ms), {d.TokensPerSecond:N1} tokens/s, {d.StepGigabytesPerSecond:N1} GB/s, {d.StepShareOfMemory:P1} of memory's speed"));
        output.WriteLine();
        output.WriteLine("Reading a prompt");
        OperationTable.Write(output, d.PromptOperations, 1, d.ProfiledPromptSeconds, Machine);
        output.WriteLine("Decoding a token");
        OperationTable.Write(output, d.StepOperations, d.ProfiledSteps, d.ProfiledStepSeconds, Machine);
        output.WriteLine("The machine's line is its best; the shares in the two lines below it are medians against what it did right after each prompt and token.");
        output.WriteLine("Decoding must read the weights once for all sequences, and the keys and values of each. 1 MB is 2^20 bytes, 1 GB/s 10^9 bytes a second.");
    }

    public void Write(Utf8JsonWriter writer)
    {
        DecodeMeasurement d = Decoding;
        writer.WriteString("preset", Name);
        writer.WriteString("weights", WeightsOption.NameOf(Weights));
        writer.WriteNumber("threads", Threads);
        writer.WriteNumber("lanes", WorkerPool.Lanes);
        writer.WriteNumberOrNull("peak_gflops", Machine.PeakGflops);
        writer.WriteNumberOrNull("memory_gb_s", Machine.MemoryGigabytesPerSecond);
        writer.WriteNumber("parameters", Config.ParameterCount);
        writer.WriteNumber("prompt_tokens", d.PromptTokens);
        writer.WriteNumber("prompt_ms", d.MedianPromptSeconds * 1e3);
        writer.WriteNumber("prompt_ms_min", d.PromptSeconds[0] * 1e3);
        writer.WriteNumberOrNull("prompt_tokens_per_second", d.PromptTokensPerSecond);
        writer.WriteNumberOrNull("prompt_gflops", d.PromptGflops);
        writer.WriteNumberOrNull("prompt_share_of_peak", d.PromptShareOfPeak);
        writer.WriteNumber("batch_size", d.BatchSize);
        writer.WriteNumber("steps", d.StepSeconds.Count);
        writer.WriteNumber("step_ms", d.MedianStepSeconds * 1e3);
        writer.WriteNumber("step_ms_min", d.StepSeconds[0] * 1e3);
        writer.WriteNumberOrNull("tokens_per_second", d.TokensPerSecond);
        writer.WriteNumberOrNull("step_gb_s", d.StepGigabytesPerSecond);
        writer.WriteNumberOrNull("step_share_of_memory", d.StepShareOfMemory);
        writer.WriteNumber("peak_memory_mb", BenchReport.Megabytes(d.PeakMemoryBytes));
        OperationTable.Write(writer, "prompt_operations", d.PromptOperations, 1, d.ProfiledPromptSeconds, Machine);
        OperationTable.Write(writer, "operations", d.StepOperations, d.ProfiledSteps, d.ProfiledStepSeconds, Machine);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
