using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public sealed class TokenizerChoiceTests
{
    [Fact]
    public void A_file_or_a_folder_is_read()
    {
        using TemporaryFolder folder = new();
        string file = folder.WriteBytes("tokenizer.json", SmallBytePairs.Tokenizer.ToJson());

        foreach (string path in (string[])[file, folder.Path])
        {
            TokenizerChoice.Load(path).Encode("the sphinx").ShouldBe(SmallBytePairs.Tokenizer.Encode("the sphinx"));
        }
    }

    [Fact]
    public void What_is_nowhere_is_refused_with_what_to_do()
    {
        string message = Should.Throw<Exception>(() => TokenizerChoice.Load("no-such-model")).Message;

        message.ShouldContain("no-such-model");
        message.ShouldContain("quatrain pull no-such-model");
        message.ShouldEndWith(".");
    }
}
