using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Quatrain.Inference.Chat;
using Quatrain.Inference.Tests;
using Quatrain.Training.Tests;

namespace Quatrain.Extensions.Tests;

public sealed class QuatrainServicesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_provider_has_one_of_each_and_frees_them()
    {
        string path = ChatModel.Write(_folder.File("tiny"), PromptStyle.Plain);
        ServiceCollection services = new();
        services.AddQuatrainChatClient(path, options => options.Threads = 1).AddQuatrainEmbeddingGenerator(path, options => options.TruncateLongTexts = true);
        IChatClient client;
        IEmbeddingGenerator<string, Embedding<float>> embeddings;
        await using (ServiceProvider provider = services.BuildServiceProvider())
        {
            client = provider.GetRequiredService<IChatClient>();
            embeddings = provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();

            provider.GetRequiredService<IChatClient>().ShouldBeSameAs(client);
            (await client.GetResponseAsync("Hi", new ChatOptions { MaxOutputTokens = 3 })).Usage!.OutputTokenCount.ShouldBe(3);
            (await embeddings.GenerateVectorAsync(new string('a', 500))).Length.ShouldBe(16);
        }

        await Should.ThrowAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hi"));
        await Should.ThrowAsync<ObjectDisposedException>(() => embeddings.GenerateAsync(["a"]));
    }

    [Fact]
    public void A_model_that_is_not_there_is_told_of_when_it_is_asked_for()
    {
        ServiceCollection services = new();
        services.AddQuatrainChatClient(_folder.File("none"));
        using ServiceProvider provider = services.BuildServiceProvider();

        Should.Throw<DirectoryNotFoundException>(() => provider.GetRequiredService<IChatClient>()).Message.ShouldContain("there is no such folder or file");
    }
}
