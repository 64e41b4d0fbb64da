using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;

namespace Quatrain.Models.Tests.Gpt2.Sources;

/// <summary>One model as a TensorFlow checkpoint, laid out as OpenAI published GPT-2, and as a safetensors file.</summary>
public sealed class TensorFlowSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TensorFlowSourceTests() => ImportFixtures.CopyTo("tensorflow", _folder.FullName);

    private string HyperparametersPath => _folder.File("hparams.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_model_is_that_of_the_safetensors_file()
    {
        using Gpt2Source source = Gpt2Source.Open(ImportFixtures.Path("tensorflow"));

        ImportFixtures.ShouldBeTheSame(ImportFixtures.Path("tensorflow"), ImportFixtures.Path("hf-f32"));
        source.Config.ShouldBe(new Gpt2Config { LayerCount = 2, HeadCount = 4, EmbeddingSize = 32, ContextLength = 24, VocabularySize = 67 });
    }

    [Theory]
    [InlineData("\"n_layer\": 2", "\"n_layer\": 3", "missing")]
    [InlineData("\"n_layer\": 2", "\"n_layer\": 1", "unexpected")]
    [InlineData("\"n_ctx\": 24", "\"n_ctx\": 25", "wrong shape")]
    [InlineData("\"n_head\": 4", "\"n_head\": 5", "multiple")]
    [InlineData("\"n_embd\": 32", "\"n_embd\": \"wide\"", "n_embd")]
    [InlineData("\"n_vocab\": 67", "\"vocab\": 67", "n_vocab is missing")]
    [InlineData("\"n_embd\": 32", "\"n_embd\": 2000000000", "n_embd")]
    public void Hyperparameters_that_do_not_fit_are_refused(string original, string changed, string reason)
    {
        string text = File.ReadAllText(HyperparametersPath);
        text.ShouldContain(original);
        File.WriteAllText(HyperparametersPath, text.Replace(original, changed, StringComparison.Ordinal));

        Should.Throw<InvalidDataException>(() => Gpt2Source.Open(_folder.FullName)).Message.ShouldContain(reason);
    }

    [Fact]
    public void Absent_hyperparameters_are_asked_for()
    {
        File.Delete(HyperparametersPath);

        Should.Throw<FileNotFoundException>(() => Gpt2Source.Open(_folder.FullName)).Message.ShouldContain("hparams.json");
    }
}
