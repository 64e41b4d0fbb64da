using System.Text.Json;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests.Commands;

[Collection(TinyRunTests.Name)]
public sealed class EvalBenchmarkTests(TinyRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task HellaSwag_has_its_three_accuracies_and_a_line_an_item()
    {
        string data = _folder.WriteText("items.jsonl", string.Join('\n', Enumerable.Range(0, 7).Select(i =>
            $$"""{"ind": {{i + 100}}, "ctx": "the old dog sees the", "label": {{i % 2}}, "endings": ["tree and home", "eee"]}""")));
        string output = _folder.File("out.jsonl");

        JsonElement json = (await CommandLine.Run("eval", run.Path, "--benchmark", "hellaswag", "--data", data, "--output", output, "--json", "--threads", "1")).Json();

        TinyRun.Names(json).ShouldBe(
        [
            "benchmark", "acc", "acc_stderr", "acc_hits", "acc_norm_tokens", "acc_norm_tokens_stderr", "acc_norm_tokens_hits",
            "acc_norm_chars", "acc_norm_chars_stderr", "acc_norm_chars_hits", "items", "items_wanted", "truncated",
        ]);
        json.GetProperty("benchmark").GetString().ShouldBe("hellaswag");
        // All items are one question with other labels, so whatever is chosen is right in four of seven or in three.
        json.GetProperty("acc_hits").GetInt32().ShouldBeInRange(3, 4);
        json.GetProperty("acc").GetDouble().ShouldBe(json.GetProperty("acc_hits").GetInt32() / 7.0);
        (json.GetProperty("items").GetInt32(), json.GetProperty("items_wanted").GetInt32()).ShouldBe((7, 7));
        // 20 tokens before " tree and home" is more than the model's 16.
        json.GetProperty("truncated").GetInt32().ShouldBe(7);

        JsonElement[] lines = [.. File.ReadAllLines(output).Select(line => JsonDocument.Parse(line).RootElement)];
        lines.Select(line => line.GetProperty("id").GetString()).ShouldBe(Enumerable.Range(100, 7).Select(i => $"{i}"));
        lines.Count(line => line.GetProperty("chosen").GetInt32() == line.GetProperty("label").GetInt32()).ShouldBe(json.GetProperty("acc_hits").GetInt32());
        double[] losses = [.. lines[0].GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble())];
        losses.Length.ShouldBe(2);
        lines[0].GetProperty("chosen").GetInt32().ShouldBe(losses[0] < losses[1] ? 0 : 1);
        lines.ShouldAllBe(line => line.GetProperty("losses").GetRawText() == lines[0].GetProperty("losses").GetRawText());
    }

    [Fact]
    public async Task LAMBADA_has_its_accuracy_and_perplexity()
    {
        string data = _folder.WriteText("items.jsonl", """{"context": "the red", "continuation": "house"}""" + "\n" + """{"context": "a dog", "continuation": "eee"}""");
        string output = _folder.File("out.jsonl");

        JsonElement json = (await CommandLine.Run("eval", run.Path, "--benchmark", "lambada", "--data", data, "--output", output, "--json")).Json();

        double[] losses = [.. File.ReadAllLines(output).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("losses")[0].GetDouble())];
        json.GetProperty("perplexity").GetDouble().ShouldBe(Math.Exp(losses.Average()), 1e-6);
        json.GetProperty("loss_stderr").GetDouble().ShouldBe(Math.Abs(losses[0] - losses[1]) / 2, 1e-9);
        JsonElement limited = (await CommandLine.Run("eval", run.Path, "--benchmark", "lambada", "--data", data, "--limit", "1", "--json")).Json();
        (limited.GetProperty("items").GetInt32(), limited.GetProperty("perplexity").GetDouble()).ShouldBe((1, Math.Exp(losses[0])));
        string shown = (await CommandLine.Run("eval", run.Path, "--benchmark", "lambada", "--data", data)).Success();
        shown.ShouldContain("greedy decoding writes the last word");
        shown.ShouldContain("nats/word");
    }

    [Fact]
    public async Task Refuses_items_it_can_not_use()
    {
        string foreign = _folder.WriteText("foreign.jsonl", """{"context": "the Zebra", "continuation": "x"}""");
        string wrong = _folder.WriteText("wrong.jsonl", """{"context": "the"}""");

        (await CommandLine.Run("eval", run.Path, "--benchmark", "lambada", "--data", foreign)).Refusal()
            .ShouldStartWith($"The item on line 1 of '{foreign}' can't be encoded: The character 'Z'");
        (await CommandLine.Run("eval", run.Path, "--benchmark", "lambada", "--data", wrong)).Refusal().ShouldContain("on line 1 continuation is missing");
        (await CommandLine.Run("eval", run.CopyWithoutTokenizer(_folder), "--benchmark", "lambada", "--data", foreign)).Refusal().ShouldContain("has no tokenizer, so text can't be used");
    }
}
