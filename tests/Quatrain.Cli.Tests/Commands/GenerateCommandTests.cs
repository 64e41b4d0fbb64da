using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Tests.Commands;

[Collection(TinyRunTests.Name)]
public sealed class GenerateCommandTests(TinyRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Json_has_the_text_its_ids_and_why_it_ended()
    {
        JsonElement json = await Generate("--prompt", "the cat", "--temperature", "0", "--max-tokens", "12");

        TinyRun.Names(json).ShouldBe(["text", "prompt_ids", "ids", "finish_reason", "tokens_per_second", "seed"]);
        CharacterTokenizer tokenizer = CharacterTokenizer.Load(run.Path);
        Ids(json, "prompt_ids").ShouldBe(tokenizer.Encode("the cat"));
        Ids(json, "ids").Length.ShouldBe(12);
        json.GetProperty("text").GetString().ShouldBe(tokenizer.Decode(Ids(json, "ids")));
        json.GetProperty("finish_reason").GetString().ShouldBe("length");
        json.GetProperty("tokens_per_second").GetDouble().ShouldBePositive();
    }

    [Fact]
    public async Task Without_json_writes_the_prompt_and_its_continuation()
    {
        string[] arguments = ["generate", run.Path, "--prompt", "the café", "--seed", "5", "--max-tokens", "20"];

        string text = (await CommandLine.Run([.. arguments, "--json"])).Json().GetProperty("text").GetString()!;
        (await CommandLine.Run(arguments)).Success().ShouldBe($"the café{text}\n");
    }

    [Fact]
    public async Task The_same_seed_draws_the_same_text_and_another_seed_another()
    {
        string? first = Text(await Generate("--seed", "7", "--max-tokens", "30"));

        Text(await Generate("--seed", "7", "--max-tokens", "30", "--threads", "3")).ShouldBe(first);
        Text(await Generate("--seed", "8", "--max-tokens", "30")).ShouldNotBe(first);
        JsonElement drawn = await Generate();
        Text(await Generate("--seed", $"{drawn.GetProperty("seed").GetUInt64()}")).ShouldBe(Text(drawn));
        Text(await Generate("--temperature", "0")).ShouldBe(Text(await Generate("--temperature", "0")));
    }

    [Theory]
    [InlineData("the ")]
    [InlineData("the old dog sees the new café and then finds")]
    public async Task Past_the_context_length_the_newest_half_is_kept(string prompt)
    {
        int[] ids = Ids(await Generate("--prompt", prompt, "--temperature", "0", "--max-tokens", "60"), "ids");

        ids.ShouldBe(GreedyByTheRule(CharacterTokenizer.Load(run.Path).Encode(prompt), 60));
    }

    [Fact]
    public async Task A_stop_text_ends_the_generation_and_is_left_out()
    {
        string whole = Text(await Generate("--temperature", "0", "--max-tokens", "60"))!;
        string stop = whole[4..7];

        JsonElement json = await Generate("--temperature", "0", "--max-tokens", "60", "--stop", "ZZZ", "--stop", stop);

        Text(json).ShouldBe(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]);
        json.GetProperty("finish_reason").GetString().ShouldBe("stop");
    }

    [Fact]
    public async Task A_stop_text_can_hold_a_line_end()
    {
        string text = Text(await Generate("--seed", "3", "--max-tokens", "2000", "--stop", "\\n"))!;

        text.ShouldNotBeEmpty();
        text.ShouldNotContain('\n');
    }

    [Fact]
    public async Task A_model_without_a_tokenizer_takes_and_gives_ids()
    {
        string bare = run.CopyWithoutTokenizer(_folder);
        int[] prompt = CharacterTokenizer.Load(run.Path).Encode("the cat");
        string[] options = ["--prompt-ids", string.Join(", ", prompt), "--temperature", "0", "--max-tokens", "9"];

        JsonElement json = (await CommandLine.Run(["generate", bare, "--json", .. options])).Json();

        json.GetProperty("text").ValueKind.ShouldBe(JsonValueKind.Null);
        Ids(json, "ids").ShouldBe(Ids(await Generate("--prompt", "the cat", "--temperature", "0", "--max-tokens", "9"), "ids"));
        Ids(await Generate(options), "ids").ShouldBe(Ids(json, "ids"));
        (await CommandLine.Run(["generate", bare, .. options])).Success().ShouldBe(string.Join(',', Ids(json, "ids")) + "\n");
        (await CommandLine.Run("generate", bare)).Refusal()
            .ShouldBe($"'{bare}' has no tokenizer, so text can't be used with this model; give token ids with --prompt-ids.");
        (await CommandLine.Run("generate", bare, "--prompt", "the")).Refusal().ShouldContain("has no tokenizer, so text");
        (await CommandLine.Run("generate", bare, "--prompt-ids", "1", "--stop", "a")).Refusal()
            .ShouldBe("Stop texts need the model's tokenizer, and this model has none; leave them out.");
    }

    [Theory]
    [InlineData("The character 'Z' (U+005A) at position 4 is not in the model's vocabulary of 21 characters; remove it or train on text that has it.", "--prompt", "the Z")]
    [InlineData("The prompt is empty; give at least one character, or leave out --prompt.", "--prompt", "")]
    [InlineData("--prompt and --prompt-ids exclude each other; give one of them.", "--prompt", "a", "--prompt-ids", "1")]
    [InlineData("Token id 2 of the list, 21, is outside the model's vocabulary of 21 tokens (ids 0 to 20).", "--prompt-ids", "1,21")]
    [InlineData("Token id 1 of the list, 99999999999, is outside the model's vocabulary of 21 tokens (ids 0 to 20).", "--prompt-ids", "99999999999")]
    [InlineData("Token id 1 of the list, -1, is negative; ids start at 0.", "--prompt-ids", "-1")]
    [InlineData("Token id 2 of the list, 'b', is not a whole number; write them with commas between, as in 1,2,3.", "--prompt-ids", "1,b")]
    [InlineData("Token id 2 of the list is missing; write whole numbers with commas between, as in 1,2,3.", "--prompt-ids", "1,,2")]
    [InlineData("The list of token ids is empty; give at least one, as in 1,2,3.", "--prompt-ids", "")]
    [InlineData("The number of tokens to generate is 0; it must lie between 1 and 10,000,000.", "--max-tokens", "0")]
    [InlineData("--max-tokens must be a whole number, not 'many'; see 'quatrain generate --help'.", "--max-tokens", "many")]
    [InlineData("--max-tokens must be a whole number and at most 2147483647, not '99999999999'; see 'quatrain generate --help'.", "--max-tokens", "99999999999")]
    [InlineData("--temperature must be a number such as 0.5, not '0,8'; see 'quatrain generate --help'.", "--temperature", "0,8")]
    [InlineData("The temperature can't be NaN; give 0 (always the most likely token) or a positive number such as 0.8.", "--temperature", "nan")]
    [InlineData("The temperature can't be -1; give 0 (always the most likely token) or a positive number such as 0.8.", "--temperature", "-1")]
    [InlineData("The top-p can't be 1.5; give a number from 0 to 1 (1 for no limit).", "--top-p", "1.5")]
    [InlineData("The top-k can't be -1; give a whole number from 1, or 0 for no limit.", "--top-k", "-1")]
    [InlineData("The min-p can't be 2; give a number from 0 (for no limit) to 1.", "--min-p", "2")]
    [InlineData("The repetition penalty can't be 0; give a number from 0.01 to 100 (1 for none).", "--repetition-penalty", "0")]
    [InlineData("--seed must be a whole number of at least 0, not '-1'; see 'quatrain generate --help'.", "--seed", "-1")]
    [InlineData("Stop string 1 is empty; give it at least one character or leave it out.", "--stop", "")]
    public async Task Refuses_what_it_can_not_use(string sentence, params string[] options) =>
        (await CommandLine.Run(["generate", run.Path, .. options])).Refusal().ShouldBe(sentence);

    [Fact]
    public async Task Refuses_what_is_no_model()
    {
        string missing = _folder.File("none");

        (await CommandLine.Run("generate", missing)).Refusal()
            .ShouldBe($"Cannot load a model from '{missing}': there is no such folder or file; name a folder with config.json and weights, a file of weights, or a model that 'quatrain pull' fetched, such as gpt2.");
        (await CommandLine.Run("generate", run.TextPath)).Refusal().ShouldStartWith($"Cannot load a model from '{run.TextPath}': it is not in a format that is known");
        (await CommandLine.Run("generate", _folder.Path)).Refusal().ShouldStartWith($"Cannot load a model from '{_folder.Path}': the folder holds no config.json");
    }

    private static int[] Ids(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static string? Text(JsonElement json) => json.GetProperty("text").GetString();

    private async Task<JsonElement> Generate(params string[] options) => (await CommandLine.Run(["generate", run.Path, "--json", .. options, .. options.Contains("--threads") ? [] : (string[])["--threads", "1"]])).Json();

    /// <summary>Greedy decoding that reads its whole context anew for each token: once more than the context is known, the newest half begins a new one.</summary>
    private int[] GreedyByTheRule(int[] prompt, int count)
    {
        using ILanguageModel model = ModelFile.Load(run.Path);
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        List<int> ids = [.. prompt];
        int start = Math.Max(0, ids.Count - TinyRun.ContextLength);
        while (ids.Count < prompt.Length + count)
        {
            if (ids.Count - start > TinyRun.ContextLength)
            {
                start = ids.Count - TinyRun.ContextLength / 2;
            }

            tape.Begin();
            float[] logits = model.ForwardLast(tape, ids.ToArray().AsSpan(start), 1).Values.ToArray();
            ids.Add(Array.IndexOf(logits, logits.Max()));
        }

        return [.. ids.Skip(prompt.Length)];
    }
}
