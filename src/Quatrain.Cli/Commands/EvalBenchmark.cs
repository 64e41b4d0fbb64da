using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference.Evaluation;
using Quatrain.Models.Checkpoints;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Commands;

/// <summary>The options of eval that are for benchmarks.</summary>
internal sealed class BenchmarkOptions
{
    public Option<string?> Name { get; } = new("--benchmark")
    {
        Description = "hellaswag: four endings, as llm.c and build-nanogpt ask them. hellaswag-harness: as lm-evaluation-harness prepares them. "
            + "lambada: the last word, in OpenAI's variant as lm-evaluation-harness scores it: no filter of stop words, unlike in the GPT-2 paper.",
        HelpName = "name",
    };

    public Option<int?> Limit { get; } = NumberOption.OptionalWhole<int>("--limit", "Ask only the first n items of the benchmark's file.");

    public Option<string?> Output { get; } = new("--output") { Description = "Write a JSON line for each item: what was chosen, and the losses.", HelpName = "file.jsonl" };
}

/// <summary>quatrain eval --benchmark: a model's result on HellaSwag or LAMBADA.</summary>
internal static class EvalBenchmark
{
    public static int Run(ParseResult parsed, ModelChoice choice, string name, string? data, int? limit, string? output, CancellationToken cancellation)
    {
        BenchmarkKind kind = BenchmarkKinds.Parse(name);
        if (data is null)
        {
            throw new InvalidDataException($"--benchmark {name} needs the benchmark's file of JSON lines; name it with --data.");
        }

        if (limit is < 1)
        {
            throw new InvalidDataException($"--limit is {limit}; it must be at least 1.");
        }

        IReadOnlyList<BenchmarkItem> items = BenchmarkFile.Read(data, kind, limit ?? 0);
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        using LoadedModel loaded = choice.Open(pool);
        ITokenizer tokenizer = loaded.RequireTokenizer("a benchmark's questions are text, so give the model a tokenizer");
        BenchmarkRun run = new(kind, items, data, loaded.Model, tokenizer);
        List<BenchmarkOutcome> outcomes = [];
        long read = 0;
        int hits = 0;
        Stopwatch watch = Stopwatch.StartNew();
        ScoringProgress.Show(parsed.InvocationConfiguration.Error, items.Count, progress => run.Score(
            pool,
            (outcome, tokens) =>
            {
                outcomes.Add(outcome);
                read = tokens;
                hits += new BenchmarkResult(kind, [outcome]).Accuracy.Hits;
                progress.Report(outcomes.Count, tokens, string.Create(CultureInfo.InvariantCulture, $"accuracy {(double)hits / outcomes.Count:F4}"));
            },
            cancellation), cancellation);
        TimeSpan time = watch.Elapsed;
        if (output is not null)
        {
            AtomicFile.Write(output, stream => WriteOutcomes(stream, kind, outcomes));
        }

        Report(parsed, new BenchmarkResult(kind, outcomes), items.Count, read, time);
        return ExitCode.Done;
    }

    private static void Report(ParseResult parsed, BenchmarkResult result, int wanted, long tokens, TimeSpan time)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer => WriteResult(writer, result, wanted));
            return;
        }

        WriteShare(output, "accuracy", result.Accuracy, result.Kind == BenchmarkKind.Lambada ? "greedy decoding writes the last word" : "lowest loss");
        WriteShare(output, "acc_norm (tokens)", result.AccuracyByToken, "lowest loss a token, as llm.c");
        WriteShare(output, "acc_norm (chars)", result.AccuracyByCharacter, "lowest loss a character, as lm-evaluation-harness");
        if (result.Perplexity is { } perplexity)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"perplexity         {perplexity:F4} (of the last word)"));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loss               {result.MeanLoss:F4} ± {result.MeanLossStandardError:F4} nats/word"));
        }

        string stopped = result.Items == wanted ? "" : string.Create(CultureInfo.InvariantCulture, $" of {wanted:N0}: stopped, so this is the result on a random part");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"items              {result.Items:N0}{stopped}"));
        if (result.Truncated > 0)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"truncated          {result.Truncated:N0}, whose contexts were longer than the model's; they kept their newest tokens"));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"speed              {tokens / time.TotalSeconds:N0} tokens/s"));
    }

    private static void WriteShare(TextWriter output, string name, Share? share, string meaning)
    {
        if (share is { } known)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{name,-18} {known.Value:F4} ± {known.StandardError:F4} ({known.Hits:N0} of {known.Items:N0}; {meaning})"));
        }
    }

    private static void WriteResult(Utf8JsonWriter writer, BenchmarkResult result, int wanted)
    {
        writer.WriteString("benchmark", result.Kind.Name());
        WriteShare(writer, "acc", result.Accuracy);
        WriteShare(writer, "acc_norm_tokens", result.AccuracyByToken);
        WriteShare(writer, "acc_norm_chars", result.AccuracyByCharacter);
        if (result.Perplexity is { } perplexity)
        {
            writer.WriteNumberOrNull("perplexity", perplexity);
            writer.WriteNumberOrNull("loss", result.MeanLoss);
            writer.WriteNumberOrNull("loss_stderr", result.MeanLossStandardError);
        }

        writer.WriteNumber("items", result.Items);
        writer.WriteNumber("items_wanted", wanted);
        writer.WriteNumber("truncated", result.Truncated);
    }

    private static void WriteShare(Utf8JsonWriter writer, string name, Share? share)
    {
        if (share is { } known)
        {
            writer.WriteNumber(name, known.Value);
            writer.WriteNumberOrNull($"{name}_stderr", known.StandardError);
            writer.WriteNumber($"{name}_hits", known.Hits);
        }
    }

    private static void WriteOutcomes(Stream stream, BenchmarkKind kind, List<BenchmarkOutcome> outcomes)
    {
        foreach (BenchmarkOutcome outcome in outcomes.OrderBy(outcome => outcome.Item.Line))
        {
            using (Utf8JsonWriter writer = new(stream))
            {
                writer.WriteStartObject();
                writer.WriteNumber("line", outcome.Item.Line);
                writer.WriteString("id", outcome.Item.Id);
                if (kind == BenchmarkKind.Lambada)
                {
                    writer.WriteBoolean("greedy", outcome.Scores[0].IsGreedy);
                }
                else
                {
                    writer.WriteNumber("label", outcome.Item.Label);
                    writer.WriteNumber("chosen", outcome.Chosen);
                    writer.WriteNumber("chosen_norm_tokens", outcome.ChosenByMean);
                    writer.WriteNumber("chosen_norm_chars", outcome.ChosenByCharacter);
                }

                writer.WriteStartArray("losses");
                foreach (ContinuationScore score in outcome.Scores)
                {
                    writer.WriteNumberValue(score.Loss);
                }

                writer.WriteEndArray();
                writer.WriteStartArray("tokens");
                foreach (ContinuationScore score in outcome.Scores)
                {
                    writer.WriteNumberValue(score.Tokens);
                }

                writer.WriteEndArray();
                writer.WriteBoolean("truncated", outcome.IsTruncated);
                writer.WriteEndObject();
            }

            stream.WriteByte((byte)'\n');
        }
    }
}
