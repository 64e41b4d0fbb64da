using Quatrain.Cli.Tests.Support;
using Quatrain.Models.Gpt2;
using Quatrain.Tokenizers;
using Quatrain.Training.Tests.FineTuning;

namespace Quatrain.Cli.Tests.Commands;

/// <summary>Fine-tuning and classifying texts with a character that the model's character tokenizer has not.</summary>
public sealed class UnknownCharacterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _csv = SpamTexts.Csv(SpamTexts.Make(60));
    private readonly string _model;
    private readonly string _problem;

    public UnknownCharacterTests()
    {
        // All of ASCII that can be seen, and the end of a line.
        CharacterTokenizer tokenizer = CharacterTokenizer.FromText([.. Enumerable.Range(' ', 95).Select(code => (char)code), '\n']);
        _problem = $"The character '£' (U+00A3) at position 4 is not in the model's vocabulary of {tokenizer.VocabularySize} characters; remove it or train on text that has it.";
        _model = _folder.File("base");
        using Gpt2Model model = new(new Gpt2Config { LayerCount = 1, HeadCount = 1, EmbeddingSize = 4, ContextLength = 48, VocabularySize = tokenizer.VocabularySize });
        Gpt2Initialization.Initialize(model, InitializationScheme.Gpt2, seed: 1);
        Gpt2Checkpoint.Save(_model, model);
        File.WriteAllBytes(Path.Combine(_model, "tokenizer.json"), tokenizer.ToJson());
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("last-token")]
    [InlineData("last-position")]
    public async Task Fine_tuning_names_the_line_of_the_file(string pooling)
    {
        // A cell of three lines before it, so that lines are not rows.
        string data = _folder.WriteText("spam.csv", _csv + "ham,\"tea\nat\nhome\"\nspam,see £5 now\nham,see you\n");

        (await Finetune(data, "--pooling", pooling)).Refusal().ShouldBe($"The text on line 65 of '{data}' can't be encoded: {_problem}");

        Directory.Exists(_folder.File("run")).ShouldBeFalse();
    }

    [Fact]
    public async Task Fine_tuning_on_instructions_names_the_line_of_the_file()
    {
        string data = _folder.WriteText("data.jsonl", string.Concat(Enumerable.Repeat("{\"instruction\": \"see\", \"output\": \"you\"}\n", 40)) + "{\"instruction\": \"see\", \"output\": \"see £5\"}\n");

        (await CommandLine.Run("finetune", "instruct", _model, "--data", data, "--style", "plain", "--out", _folder.File("run"))).Refusal()
            .ShouldBe($"Line 41 of '{data}' can't be encoded: {_problem}");
    }

    [Fact]
    public async Task Classifying_names_the_line_of_the_table_or_of_the_input()
    {
        (await Finetune(_folder.WriteText("spam.csv", _csv))).Success();
        string run = _folder.File("run");
        string rows = string.Concat(Enumerable.Repeat("see you\n", 300));
        string table = _folder.WriteText("in.csv", $"text\n{rows}see £5 now\nhome\n"), labelled = _folder.WriteText("known.csv", "text,truth\nsee,ham\nyou,spam\nsee £5 now,ham\n");
        using QuatrainProcess process = QuatrainProcess.Start(["classify", run], input: $"{rows}see £5 now\nhome\n");

        (await CommandLine.Run("classify", run, "see £5 now")).Refusal().ShouldBe(_problem);
        (await CommandLine.Run("classify", run, "--input", table, "--output", _folder.File("out.csv"))).Refusal().ShouldBe($"The text on line 302 of '{table}' can't be encoded: {_problem}");
        (await CommandLine.Run("classify", run, "--input", labelled, "--label-column", "truth")).Refusal().ShouldBe($"The text on line 4 of '{labelled}' can't be encoded: {_problem}");
        File.Exists(_folder.File("out.csv")).ShouldBeFalse();
        Outcome outcome = await process.End();
        outcome.ExitCode.ShouldBe(2);
        outcome.Error.ShouldBe($"error: Line 301 of standard input can't be encoded: {_problem}\n");
        outcome.Output.Split('\n').Length.ShouldBeInRange(1, 301);
    }

    private Task<Outcome> Finetune(string data, params string[] more) => CommandLine.Run(
        ["finetune", "classify", _model, "--data", data, "--out", _folder.File("run"), "--epochs", "1", "--no-baseline", "--threads", "1", .. more]);
}
