using Quatrain.Inference.Chat;
using Quatrain.Training.Tests;

namespace Quatrain.Inference.Tests.Chat;

public sealed class ChatSettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_was_saved_is_read_again()
    {
        ChatSettings settings = new() { Style = PromptStyle.Phi3, System = "Be brief: \"né\"\n", MaxTokens = 77 };

        ChatSettings.TryLoad(_folder.Path).ShouldBeNull();
        settings.Save(_folder.Path);

        ChatSettings.TryLoad(_folder.Path).ShouldBe(settings);
        ChatSettings.TryLoad(_folder.WriteText("model.safetensors", "")).ShouldBe(settings);
        ChatSettings none = new() { Style = PromptStyle.Alpaca };
        none.Save(_folder.Path);
        ChatSettings.TryLoad(_folder.Path).ShouldBe(none);
        Should.Throw<InvalidDataException>(() => (none with { System = "a" }).Save(_folder.Path)).Message.ShouldContain("no place for a system text");
    }

    [Theory]
    [InlineData("""[]""", "it is not a JSON object")]
    [InlineData("""{"version":1,""", "it is not valid JSON, or names a setting twice")]
    [InlineData("""{"version":1,"version":1,"style":"plain","max_tokens":1}""", "it is not valid JSON, or names a setting twice")]
    [InlineData("""{"style":"plain","max_tokens":1}""", "version is missing")]
    [InlineData("""{"version":2,"style":"plain","max_tokens":1}""", "its version is 2, and this program knows version 1")]
    [InlineData("""{"version":"1","style":"plain","max_tokens":1}""", "version is not a whole number")]
    [InlineData("""{"version":1,"max_tokens":1}""", "style is missing")]
    [InlineData("""{"version":1,"style":7,"max_tokens":1}""", "style is not a text")]
    [InlineData("""{"version":1,"style":"\ud800","max_tokens":1}""", "it is not valid JSON, or names a setting twice")]
    [InlineData("""{"version":1,"style":"magic","max_tokens":1}""", "there is no prompt style 'magic'; there are alpaca, phi3, chatml, plain")]
    [InlineData("""{"version":1,"style":"alpaca","system":"a","max_tokens":1}""", "the prompt style 'alpaca' has no place for a system text; leave it out, or choose another style")]
    [InlineData("""{"version":1,"style":"plain","max_tokens":0}""", "the number of tokens to generate is 0; it must lie between 1 and 10,000,000")]
    [InlineData("""{"version":1,"style":"plain","max_tokens":99999999999}""", "max_tokens is not a whole number")]
    public void Refuses_a_damaged_file(string json, string problem)
    {
        string path = _folder.WriteText("chat.json", json);

        Should.Throw<InvalidDataException>(() => ChatSettings.TryLoad(_folder.Path)).Message
            .ShouldBe($"Cannot use '{path}': {problem}; use the chat.json that fine-tuning wrote, or name a style with --style and leave the file away.");
    }

    [Fact]
    public void Refuses_a_large_file()
    {
        _folder.WriteText("chat.json", new string(' ', (1 << 20) + 1));

        Should.Throw<InvalidDataException>(() => ChatSettings.TryLoad(_folder.Path)).Message.ShouldContain("it is larger than 1,048,576 bytes");
    }
}
