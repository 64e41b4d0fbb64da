using System.Text.Json;
using Quatrain.Cli.Hosting;
using Quatrain.Inference;

namespace Quatrain.Cli.Display;

/// <summary>A text and its place among those that were asked for.</summary>
/// <param name="Prompt">The prompt's number, from 0.</param>
/// <param name="Sample">The sample's number, from 0.</param>
/// <param name="PromptText">What to show before the text, or null.</param>
/// <param name="Seed">What decided its draws.</param>
/// <param name="Result">What came of it.</param>
internal sealed record GeneratedText(int Prompt, int Sample, string? PromptText, ulong Seed, GenerationResult Result);

/// <summary>Writes many texts in the order they were asked for, whatever the order in which they are complete.</summary>
/// <param name="output">Where they go.</param>
/// <param name="json">Whether as one JSON object a line.</param>
/// <param name="isFile">Whether there may be several prompts.</param>
/// <param name="samples">The samples of each prompt.</param>
internal sealed class GenerationOutput(TextWriter output, bool json, bool isFile, int samples)
{
    private readonly SortedDictionary<long, GeneratedText> _waiting = [];
    private long _next;

    /// <summary>Takes a text, and writes what can be written in order.</summary>
    public void Add(GeneratedText text)
    {
        _waiting.Add(PlaceOf(text), text);
        while (_waiting.Remove(_next, out GeneratedText? next))
        {
            _next++;
            Write(next);
        }

        output.Flush();
    }

    /// <summary>Writes what still waits for texts that will not come.</summary>
    public void WriteRest()
    {
        foreach (GeneratedText text in _waiting.Values)
        {
            Write(text);
        }

        _waiting.Clear();
        output.Flush();
    }

    /// <summary>The reason as JSON has it.</summary>
    public static string Name(FinishReason reason) => reason switch
    {
        FinishReason.Length => "length",
        FinishReason.Stop => "stop",
        _ => "cancelled",
    };

    private long PlaceOf(GeneratedText text) => (long)text.Prompt * samples + text.Sample;

    private void Write(GeneratedText text)
    {
        if (json)
        {
            JsonOutput.WriteLine(output, writer => Write(writer, text));
            return;
        }

        string sample = samples > 1 ? $"sample {text.Sample + 1}" : "";
        string heading = isFile ? $"{text.Prompt + 1}{(samples > 1 ? ", " : "")}{sample}" : sample;
        output.WriteLine($"=== {heading} ===");
        output.WriteLine(TrainingDisplay.Printable(text.PromptText + (text.Result.Text ?? string.Join(',', text.Result.Ids))));
    }

    private static void Write(Utf8JsonWriter writer, GeneratedText text)
    {
        writer.WriteNumber("prompt", text.Prompt);
        writer.WriteNumber("sample", text.Sample);
        writer.WriteString("text", text.Result.Text);
        writer.WriteIds("ids", text.Result.Ids);
        writer.WriteString("finish_reason", Name(text.Result.FinishReason));
        writer.WriteNumber("seed", text.Seed);
    }
}
