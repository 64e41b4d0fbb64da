using System.Globalization;
using System.Text.Json;
using Quatrain.Cli.Display;
using Quatrain.Cli.Hosting;
using Quatrain.Cli.Tests.Support;
using Quatrain.Inference;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;

namespace Quatrain.Cli.Tests.Commands;

/// <summary><c>quatrain generate</c> with a file of prompts or several samples.</summary>
[Collection(TinyRunTests.Name)]
public sealed class GenerateBatchTests(TinyRun run) : IDisposable
{
    private static readonly string[] Prompts = ["the cat", "a", "the old dog sees the new café and then finds", "the cat", "home"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(64, 1)]
    public async Task Each_prompt_of_a_file_gets_what_it_gets_alone_in_the_order_of_the_file(int batchSize, int threads)
    {
        string file = _folder.WriteText("prompts.txt", string.Join("\r\n\n", Prompts));
        string[] options = ["--max-tokens", "30", "--seed", "7", "--stop", "t"];

        Outcome outcome = await CommandLine.Run(
            ["generate", run.Path, "--json", "--prompts", file, "--num-samples", "2", "--batch-size", $"{batchSize}", "--threads", $"{threads}", .. options]);

        JsonElement[] lines = [.. outcome.Success().TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];
        lines.Length.ShouldBe(2 * Prompts.Length);
        int tokens = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            TinyRun.Names(lines[i]).ShouldBe(["prompt", "sample", "text", "ids", "finish_reason", "seed"]);
            lines[i].GetProperty("prompt").GetInt32().ShouldBe(i / 2);
            lines[i].GetProperty("sample").GetInt32().ShouldBe(i % 2);
            ulong seed = lines[i].GetProperty("seed").GetUInt64();
            seed.ShouldBe(i % 2 == 0 ? 7 : RandomSource.Mix(7, 1));
            JsonElement alone = (await CommandLine.Run(
                ["generate", run.Path, "--json", "--prompt", Prompts[i / 2], "--threads", "1", .. options[..2], "--seed", $"{seed}", .. options[4..]])).Json();
            foreach (string name in (string[])["text", "ids", "finish_reason"])
            {
                lines[i].GetProperty(name).GetRawText().ShouldBe(alone.GetProperty(name).GetRawText(), name);
            }

            tokens += alone.GetProperty("ids").GetArrayLength();
        }

        outcome.Error.ShouldStartWith($"Generated {lines.Length} texts, {tokens} tokens in ");
    }

    [Fact]
    public async Task Without_json_the_texts_come_under_headings()
    {
        string file = _folder.WriteText("prompts.jsonl", """
            {"prompt": "the cat", "id": 5}

            {"text": "a\u0020dog"}
            """);
        string[] options = ["--max-tokens", "12", "--seed", "7", "--threads", "1"];

        string both = (await CommandLine.Run(["generate", run.Path, "--prompts", file, .. options])).Success();
        string samples = (await CommandLine.Run(["generate", run.Path, "--prompt", "the cat", "--num-samples", "2", .. options])).Success();

        string cat = (await CommandLine.Run(["generate", run.Path, "--prompt", "the cat", .. options])).Success();
        string dog = (await CommandLine.Run(["generate", run.Path, "--prompt", "a dog", .. options])).Success();
        both.ShouldBe($"=== 1 ===\n{cat}=== 2 ===\n{dog}");
        samples.ShouldStartWith($"=== sample 1 ===\n{cat}=== sample 2 ===\nthe cat");
        samples.ShouldNotBe($"=== sample 1 ===\n{cat}=== sample 2 ===\n{cat}");
    }

    [Fact]
    public async Task A_model_without_a_tokenizer_gives_several_samples_as_ids()
    {
        string bare = run.CopyWithoutTokenizer(_folder);
        string[] options = ["--prompt-ids", "1,2,3", "--max-tokens", "3", "--seed", "1", "--threads", "1"];

        string text = (await CommandLine.Run(["generate", bare, "--num-samples", "2", .. options])).Success();

        string alone = (await CommandLine.Run(["generate", bare, .. options])).Success();
        text.ShouldMatch($@"^=== sample 1 ===\n{alone}=== sample 2 ===\n\d+,\d+,\d+\n$");
        (await CommandLine.Run("generate", bare, "--prompts", _folder.WriteText("p.txt", "a"))).Refusal().ShouldContain("a file of prompts needs one");
    }

    [Fact]
    public async Task Prompts_come_from_standard_input_as_lines_or_json()
    {
        string[] arguments = ["generate", run.Path, "--prompts", "-", "--max-tokens", "5", "--seed", "1", "--threads", "1"];
        using QuatrainProcess lines = QuatrainProcess.Start(arguments, input: "the cat\nhome\n");
        using QuatrainProcess json = QuatrainProcess.Start(arguments, input: "{\"text\":\"the cat\"}\n{\"prompt\":\"home\"}\n");
        using QuatrainProcess none = QuatrainProcess.Start(arguments, input: "\n");

        string output = (await lines.End()).Success();

        output.ShouldMatch("^=== 1 ===\nthe cat.*\n=== 2 ===\nhome");
        (await json.End()).Success().ShouldBe(output);
        (await none.End()).Refusal().ShouldBe("Standard input holds no prompt; write one a line, or JSON lines with a \"prompt\" or \"text\".");
    }

    [Fact]
    public void What_is_complete_when_it_is_stopped_has_been_written()
    {
        using WorkerPool pool = new(1);
        using LoadedModel model = LoadedModel.Open(run.Path, weights: null, pool);
        using CancellationTokenSource source = new();
        using StringWriter output = new(CultureInfo.InvariantCulture) { NewLine = "\n" }, error = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        BatchGeneration batch = new(UntilCancelled(), 9, 1, IsFile: true, Samples: 1, BatchSize: 2);

        batch.Run(model, new GenerationOptions { MaxTokens = 4 }, pool, new GenerationOutput(output, json: false, isFile: true, samples: 1), error, source.Token);

        output.ToString().Split('\n').Where(line => line.StartsWith("===", StringComparison.Ordinal)).ShouldBe(["=== 1 ===", "=== 2 ===", "=== 3 ===", "=== 4 ==="]);
        error.ToString().ShouldBe("Stopped: 4 of 9 texts are complete and have been written.\n");

        IEnumerable<EncodedPrompt> UntilCancelled()
        {
            for (int i = 0; i < 9; i++)
            {
                if (i == 4)
                {
                    source.Cancel();
                }

                yield return new EncodedPrompt([i], "");
            }
        }
    }

    [Fact]
    public void What_does_not_fit_in_memory_is_refused_and_nothing_else()
    {
        using WorkerPool pool = new(1);
        using LoadedModel model = LoadedModel.Open(run.Path, weights: null, pool);
        BatchGeneration file = new([], 3, 5, IsFile: true, Samples: 2, BatchSize: 4), pipe = new([], null, null, IsFile: true, Samples: 2, BatchSize: 4);
        long needed = model.Model.DecodingStateBytes(4, 12, TokenGenerator.PromptChunk), unknown = model.Model.DecodingStateBytes(4, TinyRun.ContextLength, TokenGenerator.PromptChunk);

        file.CheckFits(model.Model, 7, needed);
        pipe.CheckFits(model.Model, 7, unknown);
        Should.Throw<InvalidDataException>(() => file.CheckFits(model.Model, 7, needed - 1)).Message.ShouldStartWith("Generating 4 texts of 12 tokens side by side needs ");
        Should.Throw<InvalidDataException>(() => pipe.CheckFits(model.Model, 7, unknown - 1)).Message.ShouldEndWith("choose a smaller --batch-size.");
    }

    [Theory]
    [InlineData("a\nthe Z\n", "Line 2 of '{0}' can't be used: The character 'Z' (U+005A) at position 4 is not in the model's vocabulary of 21 characters; remove it or train on text that has it.")]
    [InlineData("\n\n", "'{0}' holds no prompt; write one a line, or JSON lines with a \"prompt\" or \"text\".")]
    public async Task A_file_is_checked_from_end_to_end_before_anything_is_generated(string text, string sentence)
    {
        string file = _folder.WriteText("prompts.txt", text);

        (await CommandLine.Run("generate", run.Path, "--prompts", file)).Refusal().ShouldBe(string.Format(CultureInfo.InvariantCulture, sentence, file));
    }

    [Theory]
    [InlineData("--prompts and --prompt exclude each other; give one of them.", "--prompts", "p.txt", "--prompt", "a")]
    [InlineData("--prompts and --prompt-ids exclude each other; give one of them.", "--prompts", "p.txt", "--prompt-ids", "1")]
    [InlineData("There is no file 'no such'; name a file of prompts, or - for standard input.", "--prompts", "no such")]
    [InlineData("--num-samples is 0; it must lie between 1 and 1000000.", "--num-samples", "0")]
    [InlineData("--batch-size is 5000; it must lie between 1 and 4096.", "--batch-size", "5000")]
    public async Task Refuses_what_it_can_not_use(string sentence, params string[] options) =>
        (await CommandLine.Run(["generate", run.Path, .. options])).Refusal().ShouldBe(sentence);
}
