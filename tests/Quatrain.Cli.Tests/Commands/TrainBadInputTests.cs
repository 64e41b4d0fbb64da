using System.Text;
using Quatrain.Cli.Tests.Support;

namespace Quatrain.Cli.Tests.Commands;

public sealed class TrainBadInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Out => _folder.File("run");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Refuses_a_text_it_can_not_use()
    {
        string empty = _folder.WriteText("empty.txt", "");
        string binary = _folder.WriteBytes("binary.txt", (byte)'a', (byte)'b', 0, (byte)'c');
        string latin = _folder.WriteBytes("latin.txt", [.. Encoding.Latin1.GetBytes("caf\u00e9 au lait")]);
        string wide = _folder.WriteBytes("wide.txt", [0xFF, 0xFE, (byte)'a', 0]);
        string shorter = _folder.WriteText("short.txt", "abcdefgh");
        string missing = _folder.File("missing.txt");
        string folder = Directory.CreateDirectory(_folder.File("folder")).FullName;

        (await Train(empty)).ShouldBe($"'{empty}' is empty; name a file with text in it.");
        (await Train(binary)).ShouldBe($"'{binary}' is not a text file: it holds a NUL byte at offset 2.");
        (await Train(latin)).ShouldBe($"'{latin}' is not valid UTF-8: byte 0xE9 at offset 3; convert the file to UTF-8.");
        (await Train(wide)).ShouldBe($"'{wide}' is UTF-16 text; save it as UTF-8.");
        (await Train(missing)).ShouldBe($"There is no file or folder '{missing}'; check the path.");
        (await Train(folder)).ShouldBe($"Folder '{folder}' holds no *.txt or *.md file.");
        (await Train(shorter)).ShouldBe("The training text has 7 tokens, but context_length 16 needs at least 17; use a longer text or a shorter context.");
        Directory.Exists(Out).ShouldBeFalse();
    }

    [Fact]
    public async Task Refuses_a_huge_file_without_reading_it()
    {
        string huge = _folder.File("huge.txt");
        using (FileStream file = File.Create(huge))
        {
            file.SetLength(3L << 30);
        }

        long before = GC.GetTotalAllocatedBytes();

        (await Train(huge)).ShouldBe($"'{huge}' holds 3,221,225,472 bytes, over the limit of 1,000,000,000; use a part of it.");
        (GC.GetTotalAllocatedBytes() - before).ShouldBeLessThan(100_000_000);
    }

    [Theory]
    [InlineData("Unknown preset 'quatrain'; did you mean 'quatrains'? There are distilgpt2, gpt2, gpt2-large, gpt2-medium, gpt2-xl, nano, quatrains, shakespeare-char, shakespeare-char-cpu.", "--preset", "quatrain")]
    [InlineData("--preset must be the name of a preset, not ''.", "--preset", "")]
    [InlineData("--data must be quatrains, shakespeare or a path, not ''.", "--data", "")]
    [InlineData("--batch-size must be a whole number from 1 to 1048576, not abc.", "--batch-size", "abc")]
    [InlineData("--batch-size must be a whole number from 1 to 1048576, not 1.5.", "--batch-size", "1.5")]
    [InlineData("--batch-size must be a whole number from 1 to 1048576, not 0.", "--batch-size", "0")]
    [InlineData("--layer-count must be a whole number from 1 to 1024, not 99999999999999999999.", "--layer-count", "99999999999999999999")]
    [InlineData("--learning-rate must be a number above 0 and at most 1, not nan.", "--learning-rate", "nan")]
    [InlineData("--learning-rate must be a number above 0 and at most 1, not inf.", "--learning-rate", "inf")]
    [InlineData("--learning-rate must be a number above 0 and at most 1, not 1e400.", "--learning-rate", "1e400")]
    [InlineData("--learning-rate must be a number above 0 and at most 1, not -0.1.", "--learning-rate", "-0.1")]
    [InlineData("--learning-rate must be a number above 0 and at most 1, not 0,001.", "--learning-rate", "0,001")]
    [InlineData("--dropout must be a number of at least 0 and below 1, not 1.", "--dropout", "1")]
    [InlineData("--weight-decay must be a number of at least 0 and at most 100, not infinity.", "--weight-decay", "infinity")]
    [InlineData("--bias must be true or false, not maybe.", "--bias", "maybe")]
    [InlineData("--activation must be one of gelu_exact, gelu_tanh, relu, not 'tanh'.", "--activation", "tanh")]
    [InlineData("--seed must be a whole number from 0 to 9223372036854775807, not -1.", "--seed", "-1")]
    [InlineData("embedding_size 16 can't be divided among 3 heads; make head_count a divisor of embedding_size.", "--embedding-size", "16", "--head-count", "3")]
    [InlineData("min_learning_rate 0.5 is above learning_rate 0.01; lower it to at most that.", "--min-learning-rate", "0.5")]
    [InlineData("batch_size 1048576 x context_length 128 is over 16777216 tokens; lower one and raise accumulation_steps instead.", "--batch-size", "1048576")]
    [InlineData("These sizes need about 794,624 GiB of memory, over the limit of 1024 GiB; lower layer_count, embedding_size, context_length or batch_size.",
        "--layer-count", "1024", "--embedding-size", "65536")]
    [InlineData("The built-in verses are learnt by characters, not with the tokenizer 'gpt2'; name a text with --data, or set --tokenizer characters.", "--preset", "gpt2")]
    [InlineData("--tokenizer must be characters, a model's name or a path, not ''.", "--tokenizer", "")]
    [InlineData("--end-of-text must be true or false, not yes.", "--end-of-text", "yes")]
    [InlineData("--resume needs the run's folder; name it with --out.", "--resume")]
    public async Task Refuses_an_impossible_option(string sentence, params string[] options) =>
        (await CommandLine.Run(["train", .. options])).Refusal().ShouldBe(sentence);

    [Fact]
    public async Task Refuses_a_tokenizer_that_is_nowhere_or_damaged()
    {
        string text = _folder.WriteText("text.txt", string.Concat(Enumerable.Repeat("some text ", 20)));
        string damaged = _folder.WriteText("tokenizer.json", "{ \"model\": ");

        string missing = (await CommandLine.Run(TinyRun.TrainArguments(text, Out, "--tokenizer", "no-such-model"))).Refusal();
        missing.ShouldContain("no-such-model");
        missing.ShouldContain("quatrain pull no-such-model");
        (await CommandLine.Run(TinyRun.TrainArguments(text, Out, "--tokenizer", damaged))).Refusal().ShouldContain(damaged);
        Directory.Exists(Out).ShouldBeFalse();
    }

    [Fact]
    public async Task Refuses_a_model_that_no_memory_holds_before_it_begins()
    {
        string text = _folder.WriteText("text.txt", string.Concat(Enumerable.Repeat("some text ", 20)));

        string sentence = (await CommandLine.Run(TinyRun.TrainArguments(
            text, Out, "--layer-count", "300", "--head-count", "32", "--embedding-size", "4096"))).Refusal();

        sentence.ShouldMatch(@"^Training this model needs 9\d\d\.\d GB of memory \(9\d\d\.\d GB for weights, gradients and AdamW's moments, the rest for 4 x 16 tokens at a time\), and [\d,.]+ GB are available; choose a smaller model\.$");
        Directory.Exists(Out).ShouldBeFalse();
    }

    [Theory]
    [InlineData("""{ "batchsize": 3 }""", "Unknown option 'batchsize' in FILE; did you mean 'batch_size'?")]
    [InlineData("""{ "batch_size": "3" }""", "Option 'batch_size' in FILE must be a whole number from 1 to 1048576, not \"3\".")]
    [InlineData("""{ "learning_rate": 1e999 }""", "Option 'learning_rate' in FILE must be a number above 0 and at most 1, not 1e999.")]
    [InlineData("""{ "preset": "nono" }""", "Unknown preset 'nono'; did you mean 'nano'? There are distilgpt2, gpt2, gpt2-large, gpt2-medium, gpt2-xl, nano, quatrains, shakespeare-char, shakespeare-char-cpu.")]
    [InlineData("""{ "head_count": 5 }""", "embedding_size 128 can't be divided among 5 heads; make head_count a divisor of embedding_size.")]
    [InlineData("{ \"batch_size\": 3\n", "FILE is not valid JSON at line 2, byte 1; check commas and quotes there.")]
    [InlineData("", "FILE is not valid JSON at line 1, byte 1; check commas and quotes there.")]
    [InlineData("[]", "FILE must hold one JSON object, not a list.")]
    public async Task Refuses_a_config_file_that_is_wrong(string json, string sentence)
    {
        string path = _folder.WriteText("config.json", json);

        (await CommandLine.Run("train", "--config", path, "--out", Out)).Refusal().Replace(path, "FILE", StringComparison.Ordinal).ShouldBe(sentence);
        Directory.Exists(Out).ShouldBeFalse();
    }

    [Fact]
    public async Task Refuses_a_config_file_that_is_not_there() =>
        (await CommandLine.Run("train", "--config", _folder.File("none.json"))).Refusal().ShouldBe($"There is no options file at '{_folder.File("none.json")}'; check the path.");

    [Fact]
    public async Task Refuses_a_folder_below_a_file()
    {
        string text = _folder.WriteText("text.txt", string.Concat(Enumerable.Repeat("some text ", 20)));
        string before = TemporaryFolder.Snapshot(_folder.Path);

        foreach (string folder in new[] { text, Path.Combine(text, "below"), Path.Combine(text, "far", "below") })
        {
            (await CommandLine.Run(TinyRun.TrainArguments(text, folder))).Refusal()
                .ShouldBe($"The run folder '{folder}' can't be made: '{text}' is a file; choose another with --out.");
        }

        TemporaryFolder.Snapshot(_folder.Path).ShouldBe(before);
    }

    [Fact]
    public async Task Refuses_to_replace_a_model_that_lies_in_the_folder()
    {
        string model = Directory.CreateDirectory(Out).FullName;
        _folder.WriteText("run/model.safetensors", "someone's weights");
        string before = TemporaryFolder.Snapshot(model);

        (await CommandLine.Run("train", "--out", model)).Refusal().ShouldBe($"'{model}' holds a model that training would replace; choose another --out.");
        TemporaryFolder.Snapshot(model).ShouldBe(before);
    }

    [Fact]
    public async Task A_loss_that_becomes_nan_stops_the_run_and_names_the_step_and_the_last_good_checkpoint()
    {
        string text = _folder.WriteText("text.txt", string.Concat(Enumerable.Repeat("some text to learn from\n", 20)));
        string[] wild = ["--learning-rate", "1", "--min-learning-rate", "1", "--weight-decay", "100", "--warmup-iterations", "0", "--gradient-clip", "0"];

        string sentence = (await CommandLine.Run(TinyRun.TrainArguments(text, Out, wild))).Failure();

        sentence.ShouldMatch(@"^The (loss|gradient|validation loss) became .* at step \d+; (no good checkpoint had been saved yet|the last good checkpoint is of step \d+, .*|the last good model is the best one, of step \d+, in .*)\. Lower --learning-rate");
    }

    private async Task<string> Train(string data) => (await CommandLine.Run(TinyRun.TrainArguments(data, Out))).Refusal();
}
