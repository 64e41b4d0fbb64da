using System.CommandLine;
using System.Globalization;
using System.Text;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training;
using Quatrain.Training.Data;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain eval: a model's loss on a text.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        Argument<string> model = LoadedModel.Argument();
        Option<string?> data = new("--data")
        {
            Description = "quatrains, shakespeare, or a text file or folder, scored whole; default: the validation part of what the run was trained on.",
            HelpName = "data",
        };
        Option<string?> tokens = new("--tokens") { Description = "Token ids in a file of little-endian uint16, as nanoGPT writes; works without a tokenizer.", HelpName = "file.bin" };
        Option<int?> stride = NumberOption.OptionalWhole<int>(
            "--stride", "How far apart windows start; default: the context length, so that they do not overlap. Smaller gives each token more context.");
        Option<string?> weights = WeightsOption.Create();
        Command command = new("eval", "Score a model: loss, perplexity and bits per byte. Every token but the first is scored exactly once.") { model, data, tokens, stride, weights };
        command.SetAction((parsed, cancellation) =>
            RunAsync(parsed, parsed.GetValue(model)!, WeightsOption.Parse(parsed.GetValue(weights)), parsed.GetValue(data), parsed.GetValue(tokens), parsed.GetValue(stride), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        ParseResult parsed, string path, WeightFormat? weights, string? data, string? tokens, int? stride, CancellationToken cancellation)
    {
        if (data is not null && tokens is not null)
        {
            throw new InvalidDataException("--data and --tokens exclude each other; give one of them.");
        }

        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        using LoadedModel loaded = LoadedModel.Open(path, weights, pool);
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
        Report(parsed, evaluator.Evaluate(windows, cancellation), text);
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
            return ScoredText.Of(trained, trained.ValidationText, tokenizer);
        }

        switch (data)
        {
            case TrainingOptions.QuatrainsData:
                TrainingData verses = TrainingData.Quatrains(seed: 0);
                return ScoredText.Of(verses, verses.ValidationText, tokenizer);
            case TrainingOptions.ShakespeareData:
                return ScoredText.Plain(tokenizer.Encode((await TinyShakespeare.LoadAsync(cancellation)).Text), tokenizer);
            default:
                return ScoredText.Plain(tokenizer.Encode(TextFiles.Load(data).Text), tokenizer);
        }
    }

    private static void Report(ParseResult parsed, EvaluationResult result, ScoredText text)
    {
        TextWriter output = parsed.InvocationConfiguration.Output;
        double? bitsPerByte = text.ScoredBytes is { } bytes ? result.BitsPerByte(bytes) : null;
        if (parsed.GetValue(GlobalOptions.Json))
        {
            JsonOutput.Write(output, writer =>
            {
                writer.WriteNumberOrNull("loss", result.Loss);
                writer.WriteNumberOrNull("perplexity", result.Perplexity);
                writer.WriteNumberOrNull("bits_per_byte", bitsPerByte);
                writer.WriteNumber("tokens", result.Tokens);
                if (text.Floor is not null)
                {
                    writer.WriteNumberOrNull("floor", text.Floor);
                }
            });
            return;
        }

        string floor = text.Floor is { } f ? string.Create(CultureInfo.InvariantCulture, $" (floor {f:F4})") : "";
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loss           {result.Loss:F4} nats/token{floor}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"perplexity     {result.Perplexity:F4}"));
        if (bitsPerByte is not null)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bits per byte  {bitsPerByte:F4}"));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"tokens scored  {result.Tokens:N0}"));
    }

    /// <summary>Token ids to score, and what is known about the text they stand for.</summary>
    private sealed record ScoredText(int[] Ids, int[]? RecordStarts, double? Floor, long? ScoredBytes)
    {
        public static ScoredText Plain(int[] ids, ITokenizer? tokenizer) => new(ids, null, null, Bytes(ids, tokenizer));

        public static ScoredText Of(TrainingData data, string text, ITokenizer tokenizer)
        {
            int[] ids = tokenizer.Encode(text);
            int[]? starts = data.Grammar is null ? null : Training.Data.RecordStarts.AfterBlankLines(text);
            return new ScoredText(ids, starts, data.Floor, Bytes(ids, tokenizer));
        }

        /// <summary>The UTF-8 bytes of all tokens but the first, which is not scored; unknown without a tokenizer.</summary>
        private static long? Bytes(int[] ids, ITokenizer? tokenizer) =>
            tokenizer is null || ids.Length == 0 ? null : Encoding.UTF8.GetByteCount(tokenizer.Decode(ids.AsSpan(1)));
    }
}
