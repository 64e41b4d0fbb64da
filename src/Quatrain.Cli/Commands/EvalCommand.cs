using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training;
using Quatrain.Training.Data;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain eval: a model's loss on a text, or its result on a published benchmark.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        Argument<string> model = LoadedModel.Argument();
        Option<string?> data = new("--data")
        {
            Description = "quatrains, shakespeare, or a text file or folder, scored whole; default: the validation part of what the run was trained on. "
                + "With --benchmark: its file of JSON lines.",
            HelpName = "data",
        };
        Option<string?> tokens = new("--tokens") { Description = "Token ids in a file of little-endian uint16, as nanoGPT writes; works without a tokenizer.", HelpName = "file.bin" };
        Option<int?> stride = NumberOption.OptionalWhole<int>(
            "--stride", "How far apart windows start; default: the context length, so that they do not overlap. Smaller gives each token more context.");
        BenchmarkOptions benchmark = new();
        Option<string?> weights = WeightsOption.Create();
        Option<string?> baseModel = LoadedModel.BaseOption();
        Command command = new(
            "eval",
            "Score a model on a text: loss, perplexity, bits per byte and perplexity per word. Every token but the first is scored exactly once. Or, with "
                + "--benchmark, ask it a published benchmark's questions. Ctrl-C gives the result so far.")
        {
            model, data, tokens, stride, benchmark.Name, benchmark.Limit, benchmark.Output, weights, baseModel,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            ModelChoice choice = new(parsed.GetValue(model)!, parsed.GetValue(baseModel), WeightsOption.Parse(parsed.GetValue(weights)));
            string? text = parsed.GetValue(data), ids = parsed.GetValue(tokens);
            int? apart = parsed.GetValue(stride);
            if (parsed.GetValue(benchmark.Name) is { } name)
            {
                RefuseWith("--benchmark", ("--tokens", ids is not null), ("--stride", apart is not null));
                return EvalBenchmark.Run(parsed, choice, name, text, parsed.GetValue(benchmark.Limit), parsed.GetValue(benchmark.Output), cancellation);
            }

            RefuseWithout("--benchmark", ("--limit", parsed.GetValue(benchmark.Limit) is not null), ("--output", parsed.GetValue(benchmark.Output) is not null));
            return await RunAsync(parsed, choice, text, ids, apart, cancellation);
        });
        return command;
    }

    private static void RefuseWith(string option, params (string Name, bool Given)[] others)
    {
        foreach ((string name, _) in others.Where(other => other.Given))
        {
            throw new InvalidDataException($"{option} and {name} exclude each other; give one of them.");
        }
    }

    private static void RefuseWithout(string option, params (string Name, bool Given)[] others)
    {
        foreach ((string name, _) in others.Where(other => other.Given))
        {
            throw new InvalidDataException($"{name} is for a benchmark; give {option} too.");
        }
    }

    private static async Task<int> RunAsync(
        ParseResult parsed, ModelChoice choice, string? data, string? tokens, int? stride, CancellationToken cancellation)
    {
        if (data is not null && tokens is not null)
        {
            throw new InvalidDataException("--data and --tokens exclude each other; give one of them.");
        }

        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        using LoadedModel loaded = choice.Open(pool);
        int contextLength = loaded.Model.ContextLength;
        if (stride is { } given && (given < 1 || given > contextLength))
        {
            throw new InvalidDataException($"--stride is {given}; it must lie between 1 and the model's context length of {contextLength}.");
        }

        ScoredText text = tokens is not null
            ? ScoredText.Plain(TokenBinFile.Read(tokens, loaded.Model.VocabularySize), loaded.Tokenizer)
            : await LoadAsync(loaded, data, cancellation);
        EvaluationWindows windows = text.RecordStarts is not null && stride is null
            ? EvaluationWindows.OfRecords(text.Ids, text.RecordStarts, contextLength)
            : EvaluationWindows.Plain(text.Ids, contextLength, stride ?? 0);
        using Evaluator evaluator = new(loaded.Model, pool);
        Stopwatch watch = Stopwatch.StartNew();
        EvaluationResult? result = null;
        ScoringProgress.Show(parsed.InvocationConfiguration.Error, windows.TargetCount, progress => evaluator.Evaluate(
            windows,
            soFar =>
            {
                result = soFar;
                progress.Report(soFar.Tokens, soFar.Tokens, string.Create(CultureInfo.InvariantCulture, $"perplexity {soFar.Perplexity:F2}"));
            },
            cancellation), cancellation);
        Report(parsed, result!, windows.TargetCount, text, watch.Elapsed);
        return ExitCode.Done;
    }

    private static async Task<ScoredText> LoadAsync(LoadedModel loaded, string? data, CancellationToken cancellation)
    {
        ITokenizer tokenizer = loaded.RequireTokenizer("give token ids with --tokens");
        RunFolder folder = new(loaded.Path);
        if (data is null)
        {
            if (!folder.HoldsRun)
            {
                throw new InvalidDataException($"'{loaded.Path}' is no run folder, so there is no text it was trained on; name one with --data or --tokens.");
            }

            TrainingData trained = await RunDescription.Read(folder.TrainingPath).LoadDataAsync(folder.TrainingPath, cancellation);
            return ScoredText.Of(trained);
        }

        switch (data)
        {
            case TrainingOptions.QuatrainsData:
                TrainingData verses = TrainingData.Quatrains(seed: 0);
                return ScoredText.OfVerses(verses, tokenizer);
            case TrainingOptions.ShakespeareData:
                return ScoredText.Plain(tokenizer.Encode((await TinyShakespeare.LoadAsync(cancellation)).Text), tokenizer);
            default:
                return ScoredText.Plain(tokenizer.Encode(TextFiles.Load(data).Text), tokenizer);
        }
    }

    private static void Report(ParseResult parsed, EvaluationResult result, long wanted, ScoredText text, TimeSpan time)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        (double? bitsPerByte, double? wordPerplexity) = (null, null);
        if (text.SizeOf(result.Tokens) is var (bytes, words))
        {
            bitsPerByte = result.BitsPerByte(bytes);
            wordPerplexity = words == 0 ? null : Math.Exp(result.Loss * result.Tokens / words);
        }

        bool complete = result.Tokens == wanted;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer =>
            {
                writer.WriteNumberOrNull("loss", result.Loss);
                writer.WriteNumberOrNull("perplexity", result.Perplexity);
                writer.WriteNumberOrNull("bits_per_byte", bitsPerByte);
                writer.WriteNumberOrNull("word_perplexity", wordPerplexity);
                writer.WriteNumber("tokens", result.Tokens);
                if (text.Floor is not null)
                {
                    writer.WriteNumberOrNull("floor", text.Floor);
                }

                if (!complete)
                {
                    writer.WriteNumber("tokens_wanted", wanted);
                }
            });
            return;
        }

        string floor = text.Floor is { } f ? string.Create(CultureInfo.InvariantCulture, $" (floor {f:F4})") : "";
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loss             {result.Loss:F4} nats/token{floor}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"perplexity       {result.Perplexity:F4}"));
        if (bitsPerByte is not null)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bits per byte    {bitsPerByte:F4}"));
        }

        if (wordPerplexity is { } perWord)
        {
            string shown = perWord < 1e6 ? perWord.ToString("F4", CultureInfo.InvariantCulture) : perWord.ToString("E3", CultureInfo.InvariantCulture);
            output.WriteLine($"word perplexity  {shown} (words as white space parts them)");
        }

        string stopped = complete ? "" : string.Create(CultureInfo.InvariantCulture, $" of {wanted:N0}: stopped, so this is the result on the text's beginning");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"tokens scored    {result.Tokens:N0}{stopped}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"speed            {result.Tokens / time.TotalSeconds:N0} tokens/s"));
    }
}
