using Quatrain.Tokenizers;
using Quatrain.Training.Data;
using Quatrain.Training.Logging;
using Quatrain.Training.Options;
using Quatrain.Training.Runs;

namespace Quatrain.Training.Tests.Runs;

/// <summary>Runs whose tokens are byte pairs.</summary>
public sealed class BytePairRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _tokenizer;
    private readonly TrainingOptions _options;

    public BytePairRunTests()
    {
        _tokenizer = _folder.WriteBytes("tokenizer.json", SmallBytePairs.Tokenizer.ToJson());
        _options = SmallRun.Options with
        {
            Data = _folder.WriteText("text.txt", SmallRun.Text.Replace("vow.\n", $"vow.{SmallBytePairs.EndOfText}", StringComparison.Ordinal)),
            Tokenizer = _tokenizer,
            Iterations = 6,
            EvalEvery = 3,
            EvalTokens = 0,
            CheckpointEvery = 2,
            SampleEvery = 3,
            SampleTokens = 8,
        };
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_run_folder_needs_no_other_tokenizer_any_more()
    {
        string path = _folder.File("run"), whole = _folder.File("whole");
        RunScript.Run(whole, _options);
        RunScript.Run(path, _options, cancelAt: "step 3").Interrupted.ShouldBeTrue();
        File.Delete(_tokenizer);

        RunScript.Run(path, _options).Interrupted.ShouldBeFalse();

        RunFiles.ShouldBeSame(path, whole, "resumed without the tokenizer's file");
        ITokenizer tokenizer = TokenizerFile.Load(path);
        tokenizer.Encode(SmallRun.Text).ShouldBe(SmallBytePairs.Tokenizer.Encode(SmallRun.Text));
        tokenizer.EndOfTextId.ShouldBe(SmallBytePairs.EndOfTextId);
        RunDescription description = RunDescription.Read(new RunFolder(path).TrainingPath);
        (await description.LoadDataAsync(new RunFolder(path).TrainingPath)).Tokens.Fingerprint.ShouldBe(description.DataFingerprint);
    }

    [Fact]
    public void A_run_that_lost_its_tokenizer_is_refused()
    {
        string path = _folder.File("run");
        RunScript.Run(path, _options, cancelAt: "step 3");
        File.Delete(new RunFolder(path).TokenizerPath);

        Should.Throw<InvalidDataException>(() => RunScript.Run(path, _options)).Message.ShouldBe(
            $"The run's tokenizer '{Path.GetFullPath(new RunFolder(path).TokenizerPath)}' is missing; restore it, or begin a new run.");
    }

    [Fact]
    public async Task Losses_are_told_in_bits_for_each_byte_too()
    {
        string path = _folder.File("run");
        TrainingReport report = RunScript.Run(path, _options);
        TrainingData data = await TrainingData.LoadAsync(_options);
        // Bytes of all tokens but the first; those of a mark are its letters.
        long bytes = SmallBytePairs.Tokenizer.DecodeBytes(data.Tokens.Validation.Span[1..]).Length;
        int tokens = data.Tokens.Validation.Length - 1;

        EvaluationRecord record = MetricsLog.Read(new RunFolder(path).MetricsPath).OfType<EvaluationRecord>().Last();

        record.BitsPerByte!.Value.ShouldBe(record.ValidationLoss * tokens / Math.Log(2) / bytes, 1e-9);
        report.BestBitsPerByte!.Value.ShouldBe(report.BestValidationLoss!.Value * tokens / Math.Log(2) / bytes, 1e-9);
        bytes.ShouldBeGreaterThan(tokens);
    }
}
