using System.CommandLine;
using System.Security.Cryptography;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Inference.Sampling;
using Quatrain.Tensors.Parallel;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain generate: continues a prompt, streaming.</summary>
internal static class GenerateCommand
{
    private const string DefaultPrompt = "\n";

    public static Command Create()
    {
        SamplingOptions sampling = new();
        Argument<string> model = LoadedModel.Argument();
        Option<string?> prompt = new("--prompt") { Description = "The text to continue; default: a line end.", HelpName = "text" };
        Option<string?> promptIds = new("--prompt-ids") { Description = "Token ids to continue instead, such as 1,2,3; works without a tokenizer.", HelpName = "ids" };
        Option<int> maxTokens = NumberOption.Whole("--max-tokens", "The most new tokens.", new GenerationOptions().MaxTokens);
        Option<double> temperature = NumberOption.Decimal("--temperature", "0 takes the most likely token; higher is more varied.", sampling.Temperature);
        Option<int> topK = NumberOption.Whole("--top-k", "Choose among the k most likely tokens only; 0 is off.", sampling.TopK);
        Option<double> topP = NumberOption.Decimal("--top-p", "Choose among the likeliest tokens that together reach this probability; 1 is off.", sampling.TopP);
        Option<double> minP = NumberOption.Decimal("--min-p", "Leave out tokens less likely than this share of the likeliest; 0 is off.", sampling.MinP);
        Option<double> penalty = NumberOption.Decimal("--repetition-penalty", "Above 1 makes tokens that came already less likely; 1 is off.", sampling.RepetitionPenalty);
        Option<string[]> stop = new("--stop") { Description = "End at this text, which is left out; \\n is a line end. May be given several times.", HelpName = "text" };
        Option<ulong?> seed = NumberOption.OptionalWhole<ulong>("--seed", "Decides all draws; default: another one each time.");
        Command command = new("generate", "Continue a prompt with a model's words. Past the context length, the newest half of it is kept, or the record it is in.")
        {
            model, prompt, promptIds, maxTokens, temperature, topK, topP, minP, penalty, stop, seed,
        };
        command.SetAction((parsed, cancellation) =>
        {
            GenerationOptions options = new()
            {
                MaxTokens = parsed.GetValue(maxTokens),
                Sampling = new SamplingOptions
                {
                    Temperature = parsed.GetValue(temperature),
                    TopK = parsed.GetValue(topK),
                    TopP = parsed.GetValue(topP),
                    MinP = parsed.GetValue(minP),
                    RepetitionPenalty = parsed.GetValue(penalty),
                },
                Stop = [.. (parsed.GetValue(stop) ?? []).Select(Unescape)],
                Seed = parsed.GetValue(seed) ?? (ulong)RandomNumberGenerator.GetInt32(int.MaxValue),
            };
            options.Validate();
            return Task.FromResult(Run(parsed, parsed.GetValue(model)!, parsed.GetValue(prompt), parsed.GetValue(promptIds), options, cancellation));
        });
        return command;
    }

    private static int Run(ParseResult parsed, string path, string? prompt, string? promptIds, GenerationOptions options, CancellationToken cancellation)
    {
        if (prompt is not null && promptIds is not null)
        {
            throw new InvalidDataException("--prompt and --prompt-ids exclude each other; give one of them.");
        }

        bool json = parsed.GetValue(GlobalOptions.Json);
        TextWriter output = parsed.InvocationConfiguration.Output;
        using LoadedModel loaded = LoadedModel.Open(path);
        IReadOnlyList<int> ids = promptIds is not null
            ? TokenIdList.Parse(promptIds, loaded.Model.VocabularySize)
            : loaded.RequireTokenizer("give token ids with --prompt-ids").Encode(NonEmpty(prompt ?? DefaultPrompt));
        using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
        using TextGenerator generator = new(loaded.Model, loaded.Tokenizer, pool);
        if (!json && prompt is not null)
        {
            output.Write(TrainingDisplay.Printable(prompt));
        }

        options = options with { RecordEnd = RecordEnd(loaded) };
        GenerationResult result = generator.Generate(ids, options, json ? null : piece =>
        {
            output.Write(TrainingDisplay.Printable(piece));
            output.Flush();
        }, cancellation);
        if (json)
        {
            JsonOutput.Write(output, writer =>
            {
                writer.WriteString("text", result.Text);
                writer.WriteIds("prompt_ids", result.PromptIds);
                writer.WriteIds("ids", result.Ids);
                writer.WriteString("finish_reason", result.FinishReason switch
                {
                    FinishReason.Length => "length",
                    FinishReason.Stop => "stop",
                    _ => "cancelled",
                });
                writer.WriteNumberOrNull("tokens_per_second", result.TokensPerSecond);
                writer.WriteNumber("seed", options.Seed);
            });
        }
        else
        {
            output.WriteLine(result.Text is null ? string.Join(',', result.Ids) : "");
        }

        return ExitCode.Done;
    }

    /// <summary>What ended the records that the model was trained on, as token ids; nothing for plain text or an unknown past.</summary>
    private static int[] RecordEnd(LoadedModel loaded)
    {
        RunFolder folder = new(loaded.Path);
        string? end = loaded.Tokenizer is not null && folder.HoldsRun ? RunDescription.Read(folder.TrainingPath).RecordEnd : null;
        return end is null ? [] : loaded.Tokenizer!.Encode(end);
    }

    private static string NonEmpty(string prompt) =>
        prompt.Length > 0 ? prompt : throw new InvalidDataException("The prompt is empty; give at least one character, or leave out --prompt.");

    private static string Unescape(string text) =>
        text.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);
}
