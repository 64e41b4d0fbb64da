using System.CommandLine;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;
using Quatrain.Training.Runs;

namespace Quatrain.Cli.Commands;

/// <summary>quatrain generate: continues a prompt, streaming, or many side by side.</summary>
internal static class GenerateCommand
{
    private const string DefaultPrompt = "\n";
    private const int DefaultBatchSize = 8;
    private const int MostTexts = 1_000_000;
    private const int MostSideBySide = 4096;

    public static Command Create()
    {
        SamplingOptionSet sampling = new();
        Argument<string> model = LoadedModel.Argument();
        Option<string?> prompt = new("--prompt") { Description = "The text to continue; default: the end of a text where the tokenizer has a token for it, else a line end.", HelpName = "text" };
        Option<string?> promptIds = new("--prompt-ids") { Description = "Token ids to continue instead, such as 1,2,3; works without a tokenizer.", HelpName = "ids" };
        Option<string?> prompts = new("--prompts")
        {
            Description = "A file of prompts, one a line, or JSON lines with a \"prompt\" or \"text\"; - is standard input. Each gets what it would get alone.",
            HelpName = "file",
        };
        Option<int> samples = NumberOption.Whole("--num-samples", "Texts for each prompt.", 1);
        Option<int> batchSize = NumberOption.Whole("--batch-size", "Texts generated side by side, where there are several.", DefaultBatchSize);
        Option<int> maxTokens = NumberOption.Whole("--max-tokens", "The most new tokens.", new GenerationOptions().MaxTokens);
        Option<bool> ignoreEnd = new("--ignore-end-of-text") { Description = "Go on after the token that ends a text, where the tokenizer has one." };
        Option<string?> weights = WeightsOption.Create();
        Option<string?> baseModel = LoadedModel.BaseOption();
        Command command = new("generate", "Continue a prompt, or a file of them, with a model's words. Past the context length, the newest half of it is kept, or the record it is in.")
        {
            model, prompt, promptIds, prompts, samples, batchSize, maxTokens,
        };
        foreach (Option option in sampling.Choosing.Concat([ignoreEnd, weights, baseModel, sampling.SeedOption]))
        {
            command.Options.Add(option);
        }

        command.SetAction((parsed, cancellation) =>
        {
            GenerationOptions options = new()
            {
                MaxTokens = parsed.GetValue(maxTokens),
                Sampling = sampling.Sampling(parsed),
                Stop = sampling.Stop(parsed),
                Seed = sampling.Seed(parsed),
            };
            options.Validate();
            PromptChoice choice = new(
                parsed.GetValue(prompt), parsed.GetValue(promptIds), parsed.GetValue(prompts),
                NumberOption.InRange(parsed.GetValue(samples), "--num-samples", MostTexts),
                NumberOption.InRange(parsed.GetValue(batchSize), "--batch-size", MostSideBySide));
            choice.Check();
            using WorkerPool pool = new(parsed.GetValue(GlobalOptions.Threads));
            using LoadedModel loaded = new ModelChoice(parsed.GetValue(model)!, parsed.GetValue(baseModel), WeightsOption.Parse(parsed.GetValue(weights))).Open(pool);
            return Task.FromResult(Run(parsed, loaded, pool, choice, options, parsed.GetValue(ignoreEnd), cancellation));
        });
        return command;
    }

    private static int Run(
        ParseResult parsed, LoadedModel loaded, WorkerPool pool, PromptChoice choice, GenerationOptions options, bool ignoreEnd, CancellationToken cancellation)
    {
        options = options with
        {
            RecordEnd = RecordEnd(loaded),
            StopTokens = loaded.Tokenizer?.EndOfTextId is { } end && !ignoreEnd ? [end] : [],
        };
        BatchGeneration? batch = choice.File is { } file ? BatchGeneration.FromFile(file, loaded, choice.Samples, choice.BatchSize)
            : choice.Samples > 1 ? new BatchGeneration([Prompt(choice, loaded)], 1, Prompt(choice, loaded).Ids.Count, IsFile: false, choice.Samples, choice.BatchSize)
            : null;
        EncodedPrompt prompt = batch is null ? Prompt(choice, loaded) : default;
        if (batch is not null)
        {
            GenerationOutput output = new(parsed.InvocationConfiguration.Output, parsed.GetValue(GlobalOptions.Json), batch.IsFile, batch.Samples);
            batch.Run(loaded, options, pool, output, parsed.InvocationConfiguration.Error, cancellation);
        }
        else
        {
            GenerateOne(parsed, loaded, prompt, options, pool, cancellation);
        }

        return ExitCode.Done;
    }

    /// <summary>One text, which is shown while it comes.</summary>
    private static void GenerateOne(
        ParseResult parsed, LoadedModel loaded, EncodedPrompt prompt, GenerationOptions options, WorkerPool pool, CancellationToken cancellation)
    {
        bool json = parsed.GetValue(GlobalOptions.Json);
        TextWriter output = parsed.InvocationConfiguration.Output;
        using TextGenerator generator = new(loaded.Model, loaded.Tokenizer, pool);
        if (!json && prompt.Text is not null)
        {
            output.Write(TrainingDisplay.Printable(prompt.Text));
        }

        GenerationResult result = generator.Generate(prompt.Ids, options, json ? null : piece =>
        {
            output.Write(TrainingDisplay.Printable(piece));
            output.Flush();
        }, cancellation);
        if (!json)
        {
            output.WriteLine(result.Text is null ? string.Join(',', result.Ids) : "");
            return;
        }

        JsonOutput.Write(output, writer =>
        {
            writer.WriteString("text", result.Text);
            writer.WriteIds("prompt_ids", result.PromptIds);
            writer.WriteIds("ids", result.Ids);
            writer.WriteString("finish_reason", GenerationOutput.Name(result.FinishReason));
            writer.WriteNumberOrNull("tokens_per_second", result.TokensPerSecond);
            writer.WriteNumber("seed", options.Seed);
        });
    }

    private static EncodedPrompt Prompt(PromptChoice choice, LoadedModel loaded)
    {
        if (choice.Ids is { } ids)
        {
            return new EncodedPrompt(TokenIdList.Parse(ids, loaded.Model.VocabularySize), null);
        }

        if (choice.Text is null && loaded.Tokenizer?.EndOfTextId is { } end)
        {
            // What stands before the beginning of a text in all that such a model has read.
            return new EncodedPrompt([end], null);
        }

        ITokenizer tokenizer = loaded.RequireTokenizer("give token ids with --prompt-ids");
        return new EncodedPrompt(tokenizer.Encode(choice.Text ?? DefaultPrompt), choice.Text);
    }

    /// <summary>What ended the records that the model was trained on, as token ids; nothing for plain text or an unknown past.</summary>
    private static int[] RecordEnd(LoadedModel loaded)
    {
        RunFolder folder = new(loaded.Path);
        string? end = loaded.Tokenizer is not null && folder.HoldsRun ? RunDescription.Read(folder.TrainingPath).RecordEnd : null;
        return end is null ? [] : loaded.Tokenizer!.Encode(end);
    }

    /// <summary>The prompts as the command line names them.</summary>
    private sealed record PromptChoice(string? Text, string? Ids, string? File, int Samples, int BatchSize)
    {
        /// <exception cref="InvalidDataException">Two ways at a time, or an empty prompt.</exception>
        public void Check()
        {
            if (Text is not null && Ids is not null)
            {
                throw new InvalidDataException("--prompt and --prompt-ids exclude each other; give one of them.");
            }

            if (File is not null && (Text ?? Ids) is not null)
            {
                throw new InvalidDataException($"--prompts and {(Text is null ? "--prompt-ids" : "--prompt")} exclude each other; give one of them.");
            }

            if (Text?.Length == 0)
            {
                throw new InvalidDataException("The prompt is empty; give at least one character, or leave out --prompt.");
            }
        }
    }
}
