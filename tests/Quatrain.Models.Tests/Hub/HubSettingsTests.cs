using Quatrain.Models.Hub;
using Quatrain.Models.Tests.Checkpoints;

namespace Quatrain.Models.Tests.Hub;

public sealed class HubSettingsTests : IDisposable
{
    private readonly TemporaryFolder _home = new();

    public void Dispose() => _home.Dispose();

    [Fact]
    public void Without_variables_it_is_the_hub_and_the_users_cache_folder()
    {
        HubSettings settings = Read();

        settings.Endpoint.ShouldBe(new Uri("https://huggingface.co"));
        settings.CacheFolder.ShouldBe(Path.Combine(_home.FullName, ".cache", "huggingface", "hub"));
        settings.Token.ShouldBeNull();
        settings.IsOffline.ShouldBeFalse();
    }

    [Theory]
    [InlineData("c/hub", "HF_HOME=c")]
    [InlineData("c", "HF_HUB_CACHE=c")]
    [InlineData("c", "HUGGINGFACE_HUB_CACHE=c")]
    [InlineData("c", "HF_HUB_CACHE=c", "HUGGINGFACE_HUB_CACHE=d", "HF_HOME=e")]
    [InlineData("x/huggingface/hub", "XDG_CACHE_HOME=x")]
    [InlineData("c/hub", "HF_HOME=c", "XDG_CACHE_HOME=x")]
    [InlineData(".cache/huggingface/hub", "HF_HOME=  ")]
    public void The_cache_folder_is_where_the_variables_say(string folder, params string[] variables)
    {
        string[] rooted = [.. variables.Select(variable => variable.Replace("=", $"={_home.FullName}/", StringComparison.Ordinal))];

        Read(folder[0] == '.' ? variables : rooted).CacheFolder.ShouldBe(Path.GetFullPath(Path.Combine(_home.FullName, folder)));
    }

    [Fact]
    public void A_tilde_is_the_users_folder() => Read("HF_HOME=~/models").CacheFolder.ShouldBe(Path.Combine(_home.FullName, "models", "hub"));

    [Fact]
    public void The_token_is_the_variables_or_that_of_its_file()
    {
        string folder = Path.Combine(_home.FullName, ".cache", "huggingface");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "token"), " hf_file\n");
        File.WriteAllText(_home.File("other"), "hf_other");

        Read().Token.ShouldBe("hf_file");
        Read("HF_TOKEN= hf_variable\n").Token.ShouldBe("hf_variable");
        Read("HUGGING_FACE_HUB_TOKEN=hf_old").Token.ShouldBe("hf_old");
        Read($"HF_TOKEN_PATH={_home.File("other")}").Token.ShouldBe("hf_other");
        Read("HF_HUB_DISABLE_IMPLICIT_TOKEN=1").Token.ShouldBeNull();
    }

    [Theory]
    [InlineData("HF_TOKEN=hf a")]
    [InlineData("HF_TOKEN=hf\r\nX-Evil: 1")]
    [InlineData("HF_TOKEN=hfé")]
    public void A_token_that_can_not_be_one_is_refused_without_showing_it(string variable) =>
        Should.Throw<InvalidDataException>(() => Read(variable)).Message
            .ShouldBe("The Hugging Face token holds spaces or characters that no token has; set HF_TOKEN to the token alone.");

    [Theory]
    [InlineData("https://hub.example/mirror/", "https://hub.example/mirror")]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.1:8080")]
    public void The_endpoint_may_be_another(string text, string endpoint) => Read($"HF_ENDPOINT={text}").Endpoint.ShouldBe(new Uri(endpoint));

    [Theory]
    [InlineData("hub.example")]
    [InlineData("file:///tmp")]
    [InlineData("https://user:password@hub.example")]
    [InlineData("https://hub.example/?x=1")]
    public void An_endpoint_that_is_no_address_is_refused(string text) =>
        Should.Throw<InvalidDataException>(() => Read($"HF_ENDPOINT={text}")).Message.ShouldStartWith($"HF_ENDPOINT is '{text}', which is no web address");

    [Theory]
    [InlineData("HF_HUB_OFFLINE=1", true)]
    [InlineData("HF_HUB_OFFLINE=yes", true)]
    [InlineData("TRANSFORMERS_OFFLINE=True", true)]
    [InlineData("HF_HUB_OFFLINE=0", false)]
    [InlineData("HF_HUB_OFFLINE=off", false)]
    public void Offline_is_what_the_variables_say(string variable, bool isOffline) => Read(variable).IsOffline.ShouldBe(isOffline);

    private HubSettings Read(params string[] variables) =>
        HubSettings.From(name => variables.FirstOrDefault(variable => variable.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..], _home.FullName);
}
