using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Quatrain.Tests;
using Quatrain.Training.Data;

namespace Quatrain.Training.Tests.Data;

public sealed class CachedDownloadTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly byte[] Content = [.. Enumerable.Range(0, 100_000).Select(i => (byte)('a' + i % 26))];

    private readonly TemporaryFolder _folder = new();

    private string Cache => _folder.File("cache");

    private string CachePath => Path.Combine(Cache, "text.txt");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_file_is_fetched_once_and_kept()
    {
        using LoopbackServer server = new(LoopbackServer.Ok(Content));

        (await Get(server.Address)).ShouldBe(Content);
        (await Get(server.Address)).ShouldBe(Content);

        server.CallCount.ShouldBe(1);
        File.ReadAllBytes(CachePath).ShouldBe(Content);
        Directory.GetFiles(Cache).ShouldBe([CachePath]);
    }

    [Fact]
    public async Task A_cached_file_with_other_content_is_fetched_again()
    {
        using LoopbackServer server = new(LoopbackServer.Ok(Content));
        Directory.CreateDirectory(Cache);
        byte[] changed = [.. Content];
        changed[500] ^= 1;
        File.WriteAllBytes(CachePath, changed);

        (await Get(server.Address)).ShouldBe(Content);

        File.ReadAllBytes(CachePath).ShouldBe(Content);
    }

    [Fact]
    public async Task Other_content_is_refused()
    {
        byte[] changed = [.. Content];
        changed[500] ^= 1;

        await ShouldRefuse(LoopbackServer.Ok(changed), "SHA-256 differs");
    }

    [Fact]
    public Task A_longer_answer_is_refused() => ShouldRefuse(LoopbackServer.Ok([.. Content, .. Content]), "but more");

    [Fact]
    public Task A_shorter_answer_is_refused() => ShouldRefuse(LoopbackServer.Ok(Content[..500]), "but 500");

    [Fact]
    public Task A_missing_page_is_refused() => ShouldRefuse(LoopbackServer.NotFound(), "404");

    [Fact]
    public Task A_connection_cut_off_is_refused() => ShouldRefuse(LoopbackServer.Ok(Content[..500], claimedLength: Content.Length), "");

    [Fact]
    public Task A_server_that_never_answers_is_given_up() => ShouldRefuse([], "no answer within 0 seconds", TimeSpan.FromMilliseconds(200));

    [Fact]
    public async Task With_nothing_listening_the_error_says_what_to_do()
    {
        int freePort;
        using (TcpListener listener = new(IPAddress.Loopback, 0))
        {
            listener.Start();
            freePort = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        await ShouldRefuse(new Uri($"http://127.0.0.1:{freePort}/input.txt"), "");
    }

    [Fact]
    public async Task A_file_put_there_by_hand_with_other_content_is_named_in_the_error()
    {
        Directory.CreateDirectory(Cache);
        File.WriteAllText(CachePath, "something else");

        await ShouldRefuse(LoopbackServer.NotFound(), "the file there now has not the right content, 100000 bytes with SHA-256 ", keeps: "something else");
    }

    [Fact]
    public async Task Cancelling_is_no_failure_of_the_network()
    {
        using LoopbackServer server = new([]);
        using CancellationTokenSource cancellation = new();
        Task<byte[]> fetching = Download(server.Address).GetAsync(Cache, Patience, cancellation.Token);

        await cancellation.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(fetching);
    }

    [SharedDataFact("tiny-shakespeare/input.txt")]
    public async Task Tiny_shakespeare_is_the_text_everyone_means()
    {
        byte[] text = await File.ReadAllBytesAsync(SharedData.Get("tiny-shakespeare/input.txt"));
        using LoopbackServer server = new(LoopbackServer.Ok(text));

        LoadedText loaded = await TinyShakespeare.LoadAsync(server.Address, Cache, Patience);

        loaded.Text.Length.ShouldBe(1_115_394);
        loaded.Text.Distinct().Count().ShouldBe(65);
    }

    private static CachedDownload Download(Uri address) =>
        new(address, "text.txt", Content.Length, Convert.ToHexStringLower(SHA256.HashData(Content)));

    private Task<byte[]> Get(Uri address) => Download(address).GetAsync(Cache, Patience, CancellationToken.None);

    private async Task ShouldRefuse(byte[] answer, string reason, TimeSpan? timeout = null, string? keeps = null)
    {
        using LoopbackServer server = new(answer);
        await ShouldRefuse(server.Address, reason, timeout, keeps);
    }

    private async Task ShouldRefuse(Uri address, string reason, TimeSpan? timeout = null, string? keeps = null)
    {
        IOException error = await Should.ThrowAsync<IOException>(Download(address).GetAsync(Cache, timeout ?? Patience, CancellationToken.None));

        error.Message.ShouldStartWith($"Could not fetch {address}: ");
        error.Message.ShouldContain(reason);
        error.Message.ShouldContain($"; put that file at '{CachePath}'");
        error.Message.ShouldEndWith(" or train on a text of your own with --data FILE.");
        error.Message.ShouldNotContain('\n');
        (File.Exists(CachePath) ? File.ReadAllText(CachePath) : null).ShouldBe(keeps);
    }
}
