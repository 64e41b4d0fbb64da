using Quatrain.Models.Gpt2;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Models.Tests.Gpt2;

namespace Quatrain.Models.Tests;

public sealed class ModelFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_gives_the_model_that_the_configuration_names()
    {
        using Gpt2Model saved = TestModels.Random(TestModels.Config);
        Gpt2Checkpoint.Save(_folder.FullName, saved);

        using ILanguageModel loaded = ModelFile.Load(_folder.FullName);

        loaded.ShouldBeOfType<Gpt2Model>().Config.ShouldBe(saved.Config);
    }

    [Fact]
    public void Load_of_another_architecture_says_what_is_supported()
    {
        File.WriteAllText(_folder.File("config.json"), "{\"model_type\": \"llama\"}");
        File.WriteAllText(_folder.File("model.safetensors"), "");

        string message = Should.Throw<InvalidDataException>(() => ModelFile.Load(_folder.FullName)).Message;

        message.ShouldBe(
            $"Cannot load the model in '{_folder.FullName}': its config.json has the model_type 'llama', but only 'gpt2' is supported; use a GPT-2 model.");
    }

    [Fact]
    public void Load_of_a_configuration_without_an_architecture_says_so()
    {
        File.WriteAllText(_folder.File("config.json"), "{}");
        File.WriteAllText(_folder.File("model.safetensors"), "");

        Should.Throw<InvalidDataException>(() => ModelFile.Load(_folder.FullName)).Message.ShouldContain("model_type is missing");
    }

    [Fact]
    public void Load_of_what_is_not_a_model_folder_says_what_to_do()
    {
        string absent = _folder.File("absent");
        Should.Throw<DirectoryNotFoundException>(() => ModelFile.Load(absent)).Message.ShouldBe(
            $"Cannot load a model from '{absent}': there is no such folder or file; name a folder with config.json and weights, a file of weights, or a model that 'quatrain pull' fetched, such as gpt2.");

        File.WriteAllText(_folder.File("model.safetensors"), "");
        Should.Throw<FileNotFoundException>(() => ModelFile.Load(_folder.FullName)).Message.ShouldContain("the folder holds no config.json");

        File.Delete(_folder.File("model.safetensors"));
        File.WriteAllText(_folder.File("config.json"), """{"model_type":"gpt2"}""");
        Should.Throw<FileNotFoundException>(() => ModelFile.Load(_folder.FullName)).Message.ShouldContain("the folder holds no model.safetensors");
        Should.Throw<DirectoryNotFoundException>(() => ModelFile.Load("")).Message.ShouldContain("'': there is no such folder or file");
    }
}
