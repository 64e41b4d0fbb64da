using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models.Gpt2;

namespace Quatrain.Cli.Tests.Commands;

/// <summary><c>quatrain generate</c> with a tokenizer that has a token for the end of a text.</summary>
public sealed class GenerateEndOfTextTests : IDisposable
{
    private const int End = 256;

    private readonly TemporaryFolder _folder = new();

    public GenerateEndOfTextTests()
    {
        using Gpt2Model model = new(new Gpt2Config { LayerCount = 1, HeadCount = 1, EmbeddingSize = 8, ContextLength = 32, VocabularySize = End + 1 });
        Gpt2Initialization.Initialize(model, InitializationScheme.Gpt2, seed: 1);
        Gpt2Checkpoint.Save(_folder.Path, model);
        // Bytes as GPT-2 writes them: the printable ones as they are, the others from U+0100 on.
        int next = 0x100;
        IEnumerable<string> letters = Enumerable.Range(0, 256)
            .Select(b => $"{(char)(b is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174 ? b : next++)}");
        _folder.WriteText("vocab.json", JsonSerializer.Serialize(letters.Append("<|endoftext|>").Select((text, id) => (text, id)).ToDictionary(entry => entry.text, entry => entry.id)));
        _folder.WriteText("merges.txt", "#version: 0.2\n");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_ends_the_text_and_is_the_default_prompt()
    {
        JsonElement ended = await Generate();
        JsonElement whole = await Generate("--ignore-end-of-text");

        int[] ids = Ids(ended, "ids"), all = Ids(whole, "ids");
        Ids(ended, "prompt_ids").ShouldBe([End]);
        ended.GetProperty("finish_reason").GetString().ShouldBe("stop");
        whole.GetProperty("finish_reason").GetString().ShouldBe("length");
        all.Length.ShouldBe(4000);
        all.ShouldContain(End);
        ids.ShouldBe(all.TakeWhile(id => id != End));
        ended.GetProperty("text").GetString().ShouldBe(whole.GetProperty("text").GetString()!.Split("<|endoftext|>")[0]);
    }

    /// <summary>Text that looks like the token is text.</summary>
    [Fact]
    public async Task A_prompt_never_becomes_it() => Ids(await Generate("--prompt", "<|endoftext|>"), "prompt_ids").ShouldBe("<|endoftext|>".Select(c => (int)c));

    private static int[] Ids(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private async Task<JsonElement> Generate(params string[] options) =>
        (await CommandLine.Run(["generate", _folder.Path, "--json", "--temperature", "1", "--seed", "2", "--max-tokens", "4000", "--threads", "1", .. options])).Json();
}
