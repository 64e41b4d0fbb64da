using System.CommandLine;
using System.Globalization;
using Quatrain.Cli.Display;
using Quatrain.Inference;
using Quatrain.Models;
using Quatrain.Tensors.Memory;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Cli.Hosting;

/// <summary>A prompt as it goes to the model, and as it is shown.</summary>
/// <param name="Ids">At least one.</param>
/// <param name="Text">What the reader of the output gave, or null.</param>
internal readonly record struct EncodedPrompt(IReadOnlyList<int> Ids, string? Text);

/// <summary>Generates the texts of many prompts, or many texts of one, side by side.</summary>
/// <param name="Prompts">The prompts, read as they are needed.</param>
/// <param name="Count">How many there are, or null where that shows only at the end.</param>
/// <param name="LongestPrompt">The tokens of the longest, or null where that shows only at the end.</param>
/// <param name="IsFile">Whether they come from a file.</param>
/// <param name="Samples">The texts for each.</param>
/// <param name="BatchSize">The most texts side by side.</param>
internal sealed record BatchGeneration(IEnumerable<EncodedPrompt> Prompts, long? Count, int? LongestPrompt, bool IsFile, int Samples, int BatchSize)
{
    /// <summary>The prompts of a file. One that can be read twice is checked from end to end before anything is generated.</summary>
    /// <exception cref="InvalidDataException">A line is no prompt, or not one for this model; or there is none.</exception>
    public static BatchGeneration FromFile(string path, LoadedModel model, int samples, int batchSize)
    {
        PromptFile file = new(path);
        IEnumerable<EncodedPrompt> prompts = file.Read().Select(prompt => Encode(prompt, model));
        if (!file.CanReadTwice)
        {
            return new BatchGeneration(prompts, null, null, IsFile: true, samples, batchSize);
        }

        long count = 0;
        int longest = 0;
        foreach (EncodedPrompt prompt in prompts)
        {
            count++;
            longest = Math.Max(longest, prompt.Ids.Count);
        }

        return count > 0
            ? new BatchGeneration(prompts, count, longest, IsFile: true, samples, batchSize)
            : throw new InvalidDataException($"'{path}' holds no prompt; write one a line, or JSON lines with a \"prompt\" or \"text\".");
    }

    /// <summary>Checks that what decoding needs beside the weights fits in that much memory.</summary>
    /// <exception cref="InvalidDataException">It doesn't.</exception>
    public void CheckFits(ILanguageModel model, int maxTokens, long availableBytes)
    {
        long texts = Math.Min(BatchSize, Count * Samples ?? BatchSize);
        int length = (int)Math.Min(model.ContextLength, (long?)LongestPrompt + maxTokens ?? model.ContextLength);
        long needed = model.DecodingStateBytes((int)texts, length, TokenGenerator.PromptChunk);
        if (needed > availableBytes)
        {
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"Generating {texts} texts of {length} tokens side by side needs {needed / 1048576.0:N0} MB beside the model, and {availableBytes / 1048576.0:N0} MB are available; choose a smaller --batch-size."));
        }
    }

    /// <summary>Generates, and writes the texts in order, and on standard error what it came to.</summary>
    public void Run(ParseResult parsed, LoadedModel model, GenerationOptions options, WorkerPool pool, CancellationToken cancellation)
    {
        CheckFits(model.Model, options.MaxTokens, SystemMemory.AvailableBytes);
        TextWriter error = parsed.InvocationConfiguration.Error;
        GenerationOutput output = new(parsed.InvocationConfiguration.Output, parsed.GetValue(GlobalOptions.Json), IsFile, Samples);
        GenerationProgress progress = new(error, Count * Samples, isLive: !Console.IsErrorRedirected);
        using TextGenerator generator = new(model.Model, model.Tokenizer, pool);
        generator.GenerateBatch(Requests(options, output, progress), BatchSize, cancellation);
        progress.Clear();
        if (cancellation.IsCancellationRequested)
        {
            output.WriteRest();
            string of = Count is { } count ? string.Create(CultureInfo.InvariantCulture, $" of {count * Samples:N0}") : "";
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Stopped: {progress.Done:N0}{of} texts are complete and have been written."));
            return;
        }

        if (progress.Done == 0)
        {
            throw new InvalidDataException("Standard input holds no prompt; write one a line, or JSON lines with a \"prompt\" or \"text\".");
        }

        error.WriteLine(GenerationProgress.Summary(progress.Done, progress.Tokens, progress.Elapsed));
    }

    private static EncodedPrompt Encode(FilePrompt prompt, LoadedModel model)
    {
        if (prompt.Text.Length == 0)
        {
            throw new InvalidDataException($"{prompt.Where} has an empty prompt; give at least one character.");
        }

        try
        {
            return new EncodedPrompt(model.RequireTokenizer("a file of prompts needs one").Encode(prompt.Text), prompt.Text);
        }
        catch (InvalidDataException e) when (model.Tokenizer is not null)
        {
            throw new InvalidDataException($"{prompt.Where} can't be used: {e.Message}", e);
        }
    }

    private IEnumerable<TextRequest> Requests(GenerationOptions options, GenerationOutput output, GenerationProgress progress)
    {
        int number = 0;
        foreach (EncodedPrompt prompt in Prompts)
        {
            for (int sample = 0; sample < Samples; sample++)
            {
                (int promptNumber, int sampleNumber) = (number, sample);
                GenerationOptions own = options.ForSample(sample);
                yield return new TextRequest(prompt.Ids, own, result =>
                {
                    // What Ctrl-C cut short is no text that anyone asked for.
                    if (result.FinishReason != FinishReason.Cancelled)
                    {
                        progress.Complete(result.Ids.Count);
                        progress.Clear();
                        output.Add(new GeneratedText(promptNumber, sampleNumber, prompt.Text, own.Seed, result));
                    }
                })
                {
                    Show = _ => progress.Tick(),
                };
            }

            number++;
        }
    }
}
