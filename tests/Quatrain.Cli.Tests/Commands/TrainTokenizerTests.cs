using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Training.Tests;

namespace Quatrain.Cli.Tests.Commands;

/// <summary>A tokenizer from a file: trained with, kept in the run's folder, and used by the commands that read the run.</summary>
[Collection(TinyRunTests.Name)]
public sealed class TrainTokenizerTests(TinyRun run) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_with_byte_pairs_is_evaluated_and_generates_without_the_file_it_began_with()
    {
        string tokenizer = _folder.WriteBytes("tokenizer.json", SmallBytePairs.Tokenizer.ToJson()), path = _folder.File("run");
        string text = _folder.WriteText("text.txt", run.Text.Replace("home.\n", $"home.{SmallBytePairs.EndOfText}", StringComparison.Ordinal));
        int vocabulary = SmallBytePairs.Tokenizer.VocabularySize;

        Outcome training = await CommandLine.Run(TinyRun.TrainArguments(text, path, "--tokenizer", tokenizer, "--json"));
        File.Delete(tokenizer);
        JsonElement trained = training.Json();
        JsonElement scored = (await CommandLine.Run("eval", path, "--json")).Json();
        JsonElement written = (await CommandLine.Run("generate", path, "--prompt", "the café", "--max-tokens", "4", "--json")).Json();

        training.Error.ShouldMatch($@"training and [\d,]+ validation tokens, a vocabulary of {vocabulary};");
        training.Error.ShouldMatch(@"\nneeds 0\.0 GB of [\d,.]+ GB of memory\n");
        training.Error.ShouldMatch(@"step +60: val [\d.]+ nats/token, [\d.]+ bits/byte\n");
        scored.GetProperty("loss").GetDouble().ShouldBe(trained.GetProperty("best_val_loss").GetDouble(), 1e-9);
        scored.GetProperty("bits_per_byte").GetDouble().ShouldBe(trained.GetProperty("best_bits_per_byte").GetDouble(), 1e-9);
        written.GetProperty("prompt_ids").EnumerateArray().Select(id => id.GetInt32()).ShouldBe(SmallBytePairs.Tokenizer.Encode("the café"));
        written.GetProperty("ids").GetArrayLength().ShouldBe(4);
    }

    [Fact]
    public async Task The_summary_counts_tokens_as_tokens()
    {
        string tokenizer = _folder.WriteBytes("tokenizer.json", SmallBytePairs.Tokenizer.ToJson());

        Outcome outcome = await CommandLine.Run(TinyRun.TrainArguments(run.TextPath, _folder.File("run"), "--tokenizer", tokenizer, "--iterations", "2"));

        outcome.Success().ShouldMatch(@"Validation loss [\d.]+ nats/token, perplexity [\d.]+, [\d.]+ bits/byte, at step \d\.");
        File.ReadAllText(_folder.File("run/loss.svg")).ShouldContain("nats per token");
    }
}
