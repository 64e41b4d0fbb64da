using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models;
using Quatrain.Tensors;
using Quatrain.Tensors.Parallel;
using Quatrain.Tokenizers;

namespace Quatrain.Cli.Tests.Commands;

[Collection(TinyRunTests.Name)]
public sealed class EvalCommandTests(TinyRun run) : IDisposable
{
    private static readonly string[] Fields = ["loss", "perplexity", "bits_per_byte", "word_perplexity", "tokens"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(TinyRun.ContextLength)]
    [InlineData(5)]
    [InlineData(1)]
    public async Task The_loss_is_the_mean_over_every_token_but_the_first(int stride)
    {
        string text = run.Text[..200];
        int[] ids = CharacterTokenizer.Load(run.Path).Encode(text);

        JsonElement json = await Eval("--data", _folder.WriteText("some.txt", text), "--stride", $"{stride}");

        TinyRun.Names(json).ShouldBe(Fields);
        json.GetProperty("tokens").GetInt64().ShouldBe(ids.Length - 1);
        json.GetProperty("loss").GetDouble().ShouldBe(MeanLoss(ids, stride), 1e-5);
    }

    [Fact]
    public async Task Windows_do_not_overlap_where_no_stride_is_given()
    {
        string path = _folder.WriteText("some.txt", run.Text[..200]);

        (await Eval("--data", path)).GetRawText().ShouldBe((await Eval("--data", path, "--stride", $"{TinyRun.ContextLength}")).GetRawText());
    }

    [Fact]
    public async Task Perplexity_and_bits_per_byte_follow_from_the_loss()
    {
        JsonElement json = await Eval("--data", run.TextPath);
        double loss = json.GetProperty("loss").GetDouble();
        int bytes = Encoding.UTF8.GetByteCount(run.Text[1..]);
        bytes.ShouldBeGreaterThan(run.Text.Length);

        json.GetProperty("perplexity").GetDouble().ShouldBe(Math.Exp(loss), 1e-12);
        json.GetProperty("bits_per_byte").GetDouble().ShouldBe(loss * (run.Text.Length - 1) / Math.Log(2) / bytes, 1e-12);
        int words = run.Text[1..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        json.GetProperty("word_perplexity").GetDouble().ShouldBe(Math.Exp(loss * (run.Text.Length - 1) / words), 1e-3);
    }

    [Fact]
    public async Task By_default_scores_the_validation_part_of_the_run()
    {
        JsonElement json = await Eval();

        json.GetProperty("loss").GetDouble().ShouldBe(run.Training.Json().GetProperty("best_val_loss").GetDouble());
        json.GetProperty("tokens").GetInt64().ShouldBe(run.Text.Length - (int)(run.Text.Length * 0.9) - 1);
        string shown = (await CommandLine.Run("eval", run.Path)).Success();
        shown.ShouldContain("bits per byte");
        shown.ShouldMatch(@"speed +[\d,]+ tokens/s");
    }

    [Fact]
    public async Task Ids_in_a_file_score_as_their_text_does()
    {
        string tokens = WriteIds(CharacterTokenizer.Load(run.Path).Encode(run.Text));

        (await Eval("--tokens", tokens)).GetRawText().ShouldBe((await Eval("--data", run.TextPath)).GetRawText());
    }

    [Fact]
    public async Task A_model_without_a_tokenizer_scores_ids()
    {
        string bare = run.CopyWithoutTokenizer(_folder);
        string tokens = WriteIds(CharacterTokenizer.Load(run.Path).Encode(run.Text));

        JsonElement json = (await CommandLine.Run("eval", bare, "--tokens", tokens, "--json")).Json();

        TinyRun.Names(json).ShouldBe(Fields);
        json.GetProperty("loss").GetDouble().ShouldBe((await Eval("--data", run.TextPath)).GetProperty("loss").GetDouble());
        json.GetProperty("bits_per_byte").ValueKind.ShouldBe(JsonValueKind.Null);
        (await CommandLine.Run("eval", bare)).Refusal().ShouldBe($"'{bare}' has no tokenizer, so text can't be used with this model; give token ids with --tokens.");
        (await CommandLine.Run("eval", bare, "--data", run.TextPath)).Refusal().ShouldContain("has no tokenizer, so text");
    }

    [Fact]
    public async Task A_model_that_no_run_made_needs_a_text()
    {
        string copy = run.CopyTo(_folder);
        File.Delete(Path.Combine(copy, "training.json"));

        (await CommandLine.Run("eval", copy)).Refusal().ShouldBe($"'{copy}' is no run folder, so there is no text it was trained on; name one with --data or --tokens.");
    }

    [Theory]
    [InlineData("--stride is 0; it must lie between 1 and the model's context length of 16.", "--stride", "0")]
    [InlineData("--stride is 17; it must lie between 1 and the model's context length of 16.", "--stride", "17")]
    [InlineData("--stride is -1; it must lie between 1 and the model's context length of 16.", "--stride", "-1")]
    [InlineData("--stride must be a whole number, not 'half'; see 'quatrain eval --help'.", "--stride", "half")]
    [InlineData("--data and --tokens exclude each other; give one of them.", "--data", "a", "--tokens", "b")]
    [InlineData("--benchmark and --tokens exclude each other; give one of them.", "--benchmark", "lambada", "--data", "a", "--tokens", "b")]
    [InlineData("--benchmark and --stride exclude each other; give one of them.", "--benchmark", "lambada", "--data", "a", "--stride", "2")]
    [InlineData("--limit is for a benchmark; give --benchmark too.", "--limit", "3")]
    [InlineData("--output is for a benchmark; give --benchmark too.", "--output", "x")]
    [InlineData("There is no benchmark 'mmlu'; choose one of hellaswag, hellaswag-harness, lambada.", "--benchmark", "mmlu", "--data", "a")]
    [InlineData("--benchmark lambada needs the benchmark's file of JSON lines; name it with --data.", "--benchmark", "lambada")]
    [InlineData("--limit is 0; it must be at least 1.", "--benchmark", "lambada", "--data", "a", "--limit", "0")]
    [InlineData("There is no file 'no-such-file'; name the benchmark's file of JSON lines.", "--benchmark", "lambada", "--data", "no-such-file")]
    [InlineData("There is no file or folder 'no-such-file'; check the path.", "--data", "no-such-file")]
    [InlineData("There is no token file 'no-such-file'; name a file of 16-bit token ids.", "--tokens", "no-such-file")]
    public async Task Refuses_what_it_can_not_use(string sentence, params string[] options) =>
        (await CommandLine.Run(["eval", run.Path, .. options])).Refusal().ShouldBe(sentence);

    [Fact]
    public async Task Refuses_a_token_file_that_is_wrong()
    {
        string odd = _folder.WriteBytes("odd.bin", 1, 0, 2), outside = _folder.WriteBytes("outside.bin", 1, 0, 21, 0), empty = _folder.WriteBytes("empty.bin");
        string single = _folder.WriteBytes("single.bin", 1, 0);

        (await Refused("--tokens", odd)).ShouldBe($"'{odd}' has 3 bytes, which is not a whole number of 2-byte tokens; it is cut off or not a file of 16-bit token ids.");
        (await Refused("--tokens", outside)).ShouldBe(
            $"'{outside}' has token id 21 at index 1, outside the model's vocabulary of 21 tokens; make the file with the model's own tokenizer.");
        (await Refused("--tokens", empty)).ShouldBe($"'{empty}' is empty; a token file holds at least one token of 2 bytes.");
        (await Refused("--tokens", single)).ShouldBe("There is nothing to evaluate: the text needs at least two tokens.");
        (await Refused("--tokens", _folder.Path)).ShouldBe($"'{_folder.Path}' is a folder; name a file of 16-bit token ids.");
    }

    [Fact]
    public async Task Refuses_a_text_it_can_not_score()
    {
        string empty = _folder.WriteText("empty.txt", ""), foreign = _folder.WriteText("foreign.txt", "the Zebra"), single = _folder.WriteText("single.txt", "t");

        (await Refused("--data", empty)).ShouldBe($"'{empty}' is empty; name a file with text in it.");
        (await Refused("--data", foreign)).ShouldStartWith("The character 'Z' (U+005A) at position 4 is not in the model's vocabulary");
        (await Refused("--data", single)).ShouldBe("There is nothing to evaluate: the text needs at least two tokens.");
    }

    private async Task<JsonElement> Eval(params string[] options) => (await CommandLine.Run(["eval", run.Path, "--json", "--threads", "1", .. options])).Json();

    private async Task<string> Refused(params string[] options) => (await CommandLine.Run(["eval", run.Path, .. options])).Refusal();

    private string WriteIds(int[] ids)
    {
        byte[] bytes = new byte[2 * ids.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(2 * i), (ushort)ids[i]);
        }

        return _folder.WriteBytes("ids.bin", bytes);
    }

    /// <summary>The mean of -log p over ids 1, 2, ..., each scored in the first window that reaches it; windows start a stride apart.</summary>
    private double MeanLoss(int[] ids, int stride)
    {
        using ILanguageModel model = ModelFile.Load(run.Path);
        using WorkerPool pool = new(1);
        using Tape tape = new(pool, recording: false);
        double sum = 0;
        for (int target = 1; target < ids.Length; target++)
        {
            int start = target <= TinyRun.ContextLength ? 0 : stride * ((target - TinyRun.ContextLength + stride - 1) / stride);
            tape.Begin();
            float[] logits = model.ForwardLast(tape, ids.AsSpan(start, target - start), 1).Values.ToArray();
            double largest = logits.Max();
            sum += largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest))) - logits[ids[target]];
        }

        return sum / (ids.Length - 1);
    }
}
