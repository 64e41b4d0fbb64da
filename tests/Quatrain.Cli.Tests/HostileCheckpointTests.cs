using System.Buffers.Binary;
using Quatrain.Cli.Tests.Support;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Cli.Tests;

/// <summary>Damaged and lying files, through every command that reads them.</summary>
[Collection(TinyRunTests.Name)]
public sealed class HostileCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _copy;

    public HostileCheckpointTests(TinyRun run) => _copy = run.CopyTo(_folder);

    private string ModelPath => Path.Combine(_copy, "model.safetensors");

    private string StatePath => Path.Combine(_copy, "state", "last.safetensors");

    private string ConfigPath => Path.Combine(_copy, "config.json");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(500)]
    [InlineData(5000)]
    public async Task Truncated(int length)
    {
        Cut(ModelPath, length);
        Cut(StatePath, length);

        await EveryReaderRefuses("Cannot read '");
    }

    [Fact]
    public async Task Cut_short_by_its_last_byte()
    {
        Cut(ModelPath, (int)new FileInfo(ModelPath).Length - 1);
        Cut(StatePath, (int)new FileInfo(StatePath).Length - 1);

        await EveryReaderRefuses("Cannot read '");
    }

    [Theory]
    [InlineData(4L << 30)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    public async Task A_header_that_claims_to_be_enormous(long length)
    {
        foreach (string path in new[] { ModelPath, StatePath })
        {
            using FileStream file = File.OpenWrite(path);
            byte[] claim = new byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(claim, length);
            file.Write(claim);
        }

        long before = GC.GetTotalAllocatedBytes();
        await EveryReaderRefuses("it claims a header of");
        (GC.GetTotalAllocatedBytes() - before).ShouldBeLessThan(100_000_000);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public async Task Weights_that_are_no_numbers(float weight)
    {
        foreach (string path in new[] { ModelPath, StatePath })
        {
            using FileStream file = File.OpenWrite(path);
            file.Seek(-4, SeekOrigin.End);
            file.Write(BitConverter.GetBytes(weight));
        }

        // Inspect reads no weights.
        await ReadersRefuse($"holds {(float.IsNaN(weight) ? "NaN" : "-")}", ["generate", _copy], ["eval", _copy], ["train", "--resume", "--out", _copy]);
    }

    [Fact]
    public async Task Tensors_that_are_missing_or_extra()
    {
        byte[] model = File.ReadAllBytes(ModelPath);
        File.Copy(StatePath, ModelPath, overwrite: true);
        File.WriteAllBytes(StatePath, model);

        await ReadersRefuse("tensors are missing", ["generate", _copy], ["eval", _copy], ["train", "--resume", "--out", _copy]);
    }

    [Fact]
    public async Task Tensors_of_another_shape()
    {
        SafetensorsWriter.Write(ModelPath, [new SafetensorsTensor("wte.weight", [2, 3], () => new float[6])], new Dictionary<string, string>());

        await ReadersRefuse("Cannot load '", ["generate", _copy], ["eval", _copy]);
    }

    [Fact]
    public async Task A_state_without_its_step()
    {
        List<SafetensorsTensor> tensors = [];
        using (SafetensorsFile file = SafetensorsFile.Open(StatePath))
        {
            foreach (SafetensorsEntry entry in file.Entries)
            {
                float[] values = new float[entry.ElementCount];
                file.ReadFloats(entry, values);
                tensors.Add(new SafetensorsTensor(entry.Name, entry.Shape, () => values));
            }
        }

        SafetensorsWriter.Write(StatePath, tensors, new Dictionary<string, string>());

        await ReadersRefuse("has no valid 'step', so the run can't be resumed from it", ["train", "--resume", "--out", _copy]);
    }

    [Theory]
    [InlineData("{}", "model_type is missing")]
    [InlineData("{", "config.json")]
    [InlineData("""{ "model_type": "bert" }""", "'bert'")]
    [InlineData("""{ "model_type": "gpt2", "n_layer": 1, "n_head": 3, "n_embd": 16, "n_positions": 16, "vocab_size": 21 }""", "is not a multiple of its n_head")]
    [InlineData("""{ "model_type": "gpt2", "n_layer": 900, "n_head": 1, "n_embd": 20000, "n_positions": 16, "vocab_size": 21 }""", "tensors are missing")]
    [InlineData("""{ "model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 99999, "n_positions": 16, "vocab_size": 99999 }""", "more than 2,147,483,647 elements")]
    public async Task A_configuration_that_does_not_fit(string json, string problem)
    {
        File.WriteAllText(ConfigPath, json);

        await ReadersRefuse(problem, ["generate", _copy], ["eval", _copy]);
    }

    [Theory]
    [InlineData("{", "is not valid JSON")]
    [InlineData("""{ "type": "character", "characters": ["a"] }""", "has 1 tokens and the model 21; they are not of one run.")]
    [InlineData("""{ "type": "character", "characters": ["a", "a"] }""", "twice")]
    [InlineData("""{ "type": "sentence" }""", "sentence")]
    public async Task A_tokenizer_that_does_not_fit(string json, string problem)
    {
        File.WriteAllText(Path.Combine(_copy, "tokenizer.json"), json);

        await ReadersRefuse(problem, ["generate", _copy], ["eval", _copy]);
    }

    private static void Cut(string path, int length)
    {
        using FileStream file = File.OpenWrite(path);
        file.SetLength(length);
    }

    private Task EveryReaderRefuses(string problem) => ReadersRefuse(
        problem, ["generate", _copy], ["generate", _copy, "--json"], ["eval", _copy], ["inspect", ModelPath], ["train", "--resume", "--out", _copy]);

    private async Task ReadersRefuse(string problem, params string[][] readers)
    {
        string before = TemporaryFolder.Snapshot(_copy);
        foreach (string[] arguments in readers)
        {
            (await CommandLine.Run(arguments)).Refusal().ShouldContain(problem);
        }

        TemporaryFolder.Snapshot(_copy).ShouldBe(before);
    }
}
