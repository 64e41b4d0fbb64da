using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Quatrain.Models.Hub;
using Quatrain.Tensors;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Hub;

/// <summary>What a hub, the network and the disk may do to a pull.</summary>
public sealed class HubFaultTests : HubTest
{
    [Fact]
    public async Task Connections_cut_anywhere_change_nothing()
    {
        RandomSource random = new(5);
        Lock drawing = new();
        Server.Rule = (request, honest) =>
        {
            lock (drawing)
            {
                return honest.Body.Length > 0 && random.NextInt32(3) == 0
                    ? honest with { ClaimedLength = honest.Body.Length, StopsAfter = random.NextInt32(honest.Body.Length) } : honest;
            }
        };

        PulledModel pulled = await Pull();

        ShouldHoldAll();
        Observer.Notes.ShouldNotBeEmpty();
        Observer.Notes.ShouldAllBe(note => note.StartsWith("The connection was cut while fetching ", StringComparison.Ordinal)
            || note.Contains("forcibly closed", StringComparison.Ordinal));
        // Of the large file nothing came twice; the answer of the hub itself begins anew.
        pulled.FetchedBytes.ShouldBe(pulled.ByteCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10_000)]
    [InlineData(57_001)]
    [InlineData(99_999)]
    public async Task A_pull_that_was_stopped_goes_on_where_it_was(int bytes)
    {
        using CancellationTokenSource stop = new();
        Observer.At = (bytes, stop.Cancel);
        await Should.ThrowAsync<OperationCanceledException>(Pull(stop.Token));
        ShouldHoldNothingWrong();
        File.Exists(Path.Combine(ModelFolder, "refs", "main")).ShouldBeFalse();
        long there = Observer.DoneBytes;
        there.ShouldBeGreaterThanOrEqualTo(bytes);
        Observer.At = null;

        PulledModel pulled = await Pull();

        ShouldHoldAll();
        Observer.PresentBytes.ShouldBe(there);
        pulled.FetchedBytes.ShouldBe(pulled.ByteCount - there);
    }

    [Fact]
    public async Task A_silent_connection_is_left_and_another_made()
    {
        Options = Options with { StallTimeout = TimeSpan.FromMilliseconds(300) };
        int stalls = 0;
        Server.Rule = (request, honest) => request.IsStore && request.Range!.Value.From == 8192 && Interlocked.Increment(ref stalls) == 1
            ? honest with { ClaimedLength = honest.Body.Length, StopsAfter = 1000, Stalls = true } : honest;

        await Pull();

        ShouldHoldAll();
        Observer.Notes.ShouldContain("Nothing arrived for 0.3 seconds while fetching 'model.safetensors' of 'gpt2'; trying again in 1 s.");
    }

    [Fact]
    public async Task A_hub_that_never_answers_is_given_up()
    {
        Options = Options with { StallTimeout = TimeSpan.FromMilliseconds(50), Tries = 2 };
        Server.Rule = (_, honest) => honest with { Delay = TimeSpan.FromMinutes(1) };

        (await Refusal<IOException>()).ShouldBe(
            $"Could not fetch the list of files of 'gpt2' from {Server.Endpoint.Authority}: nothing arrived for 0.1 seconds, 2 times in a row; the same command goes on from where it stopped.");
    }

    [Theory]
    [InlineData("Content-Range", "bytes 0-4095/100003", "another part")]
    [InlineData("Content-Range", "bytes 8192-12287/100004", "another part")]
    [InlineData("Content-Range", "bytes 8192-99999999999999/100003", "another part")]
    [InlineData("Content-Range", "lines 8192-12287/100003", "another part")]
    [InlineData("Content-Range", "nonsense", "another part")]
    [InlineData("Content-Encoding", "gzip", "another length")]
    public async Task A_part_that_is_not_the_one_asked_for_is_not_taken(string header, string value, string reason)
    {
        int lies = 0;
        Server.Rule = (request, honest) => request.IsStore && request.Range!.Value.From == 8192 && Interlocked.Increment(ref lies) <= 2 ? honest.With(header, value) : honest;
        await Pull();
        ShouldHoldAll();
        lies.ShouldBeGreaterThan(1);

        Directory.Delete(Settings.CacheFolder, recursive: true);
        Server.Rule = (request, honest) => request.IsStore && request.Range!.Value.From == 8192 ? honest.With(header, value) : honest;
        (await Refusal<IOException>()).ShouldContain(reason);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(1L << 40)]
    public async Task A_lie_about_the_length_is_not_believed(long claimed)
    {
        int lies = 0;
        Server.Rule = (request, honest) => request.IsStore && Interlocked.Increment(ref lies) == 3 ? honest with { ClaimedLength = claimed } : honest;

        await Pull();

        ShouldHoldAll();
    }

    [Fact]
    public async Task An_answer_without_a_length_is_counted()
    {
        Server.Rule = (request, honest) => request.IsStore || request.Path.Contains("/resolve/", StringComparison.Ordinal)
            ? honest with { ClaimedLength = HubAnswer.NoLength } : honest;

        await Pull();

        ShouldHoldAll();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_gives_no_parts_gives_the_whole(bool hasTag)
    {
        int cuts = 0;
        Server.Rule = (request, honest) => !request.IsStore ? honest : new HubAnswer(200, hasTag ? [("ETag", "\"one\"")] : [], Server.Content(Large)) with
        {
            StopsAfter = request.Range is null && Interlocked.Increment(ref cuts) == 1 ? 30_000 : null,
            ClaimedLength = LargeLength,
        };

        await Pull();

        ShouldHoldAll();
        cuts.ShouldBe(2);
    }

    [Fact]
    public async Task A_file_that_changes_between_its_parts_is_fetched_again()
    {
        int count = 0;
        byte[] old = Bytes(LargeLength, seed: 9);
        Server.Rule = (request, honest) => !request.IsStore ? honest
            : Interlocked.Increment(ref count) <= 5 ? HostileHubServer.Part(request, old, "\"old\"")
            : HostileHubServer.Part(request, Server.Content(Large), "\"new\"");

        await Pull();

        ShouldHoldAll();
        Observer.Notes.ShouldContain("'model.safetensors' of 'gpt2' changed while it was fetched; fetching it again.");
    }

    [Fact]
    public async Task Servers_whose_tags_differ_for_one_content_are_no_obstacle()
    {
        int count = 0;
        Server.Rule = (request, honest) => request.IsStore ? HostileHubServer.Part(request, Server.Content(Large), $"\"{Interlocked.Increment(ref count)}\"") : honest;

        await Pull();

        ShouldHoldAll();
    }

    [Theory]
    [InlineData(Large)]
    [InlineData("config.json")]
    public async Task Content_with_another_checksum_is_refused_and_nothing_of_it_kept(string file)
    {
        byte[] wrong = Server.Content(file)[..];
        wrong[^2] ^= 1;
        Server.Rule = (request, honest) =>
            request.IsStore == (file == Large) && (request.IsStore || request.Path.EndsWith(file, StringComparison.Ordinal)) ? HostileHubServer.Part(request, wrong, "\"t\"") : honest;

        (await Refusal<IOException>()).ShouldStartWith(
            $"What {Server.Endpoint.Authority} sent for '{file}' of 'gpt2' has not the checksum {Server.Hash(file)} that it announced, so it was deleted");

        Directory.GetFiles(Path.Combine(ModelFolder, "blobs")).ShouldNotContain(path => Path.GetFileName(path).StartsWith(Server.Hash(file), StringComparison.Ordinal));
        File.Exists(Path.Combine(Snapshot, file)).ShouldBeFalse();
        File.Exists(Path.Combine(ModelFolder, "refs", "main")).ShouldBeFalse();
    }

    [Fact]
    public async Task What_an_earlier_pull_left_damaged_is_fetched_again()
    {
        using CancellationTokenSource stop = new();
        Observer.At = (60_000, stop.Cancel);
        await Should.ThrowAsync<OperationCanceledException>(Pull(stop.Token));
        string part = FileDownload.PartPath(BlobPath);
        byte[] bytes = File.ReadAllBytes(part);
        bytes[Array.FindIndex(bytes, b => b != 0)] ^= 1;
        File.WriteAllBytes(part, bytes);
        Observer.At = null;

        await Pull();

        ShouldHoldAll();
        Observer.Notes.ShouldContain("What an earlier download left of 'model.safetensors' of 'gpt2' does not fit the rest; fetching all of it again.");
    }

    [Theory]
    [InlineData(429, "5")]
    [InlineData(429, null)]
    [InlineData(500, null)]
    [InlineData(503, "0")]
    public async Task A_failure_that_passes_is_waited_for(int status, string? retryAfter)
    {
        Options = Options with { FirstDelay = TimeSpan.FromMilliseconds(1), LongestDelay = TimeSpan.FromSeconds(4) };
        // Whatever is asked for fails once.
        ConcurrentDictionary<string, bool> asked = new();
        Server.Rule = (request, honest) => !asked.TryAdd($"{request.Path} {request.Header("Range")}", true) ? honest
            : retryAfter is null ? HubAnswer.Of(status) : HubAnswer.Of(status, ("Retry-After", retryAfter));
        if (retryAfter == "5")
        {
            // Longer than anyone waits.
            (await Refusal<IOException>()).ShouldContain("too many requests (429); the same command goes on from where it stopped.");
            return;
        }

        await Pull();

        ShouldHoldAll();
        Observer.Notes.ShouldNotBeEmpty();
    }

    [Fact]
    public async Task The_wait_that_a_server_asks_for_is_kept()
    {
        int count = 0;
        long asked = 0, came = 0;
        Server.Rule = (_, honest) =>
        {
            int number = Interlocked.Increment(ref count);
            Interlocked.Exchange(ref number == 1 ? ref asked : ref came, came == 0 ? Environment.TickCount64 : came);
            return number == 1 ? HubAnswer.Of(429, ("Retry-After", "1")) : honest;
        };

        await Pull();

        (came - asked).ShouldBeGreaterThanOrEqualTo(950);
        Observer.Notes.ShouldContain("Too many requests (429) while fetching the list of files of 'gpt2'; trying again in 1 s.");
    }

    [Fact]
    public async Task A_failure_that_stays_ends_the_pull()
    {
        Server.Rule = (request, honest) => request.IsStore ? HubAnswer.Of(500) : honest;

        (await Refusal<IOException>()).ShouldBe(
            $"Could not fetch 'model.safetensors' of 'gpt2' from {Server.Endpoint.Authority}: the server failed (500), 6 times in a row; the same command goes on from where it stopped.");
        Server.Requests.Count(request => request.IsStore).ShouldBe(6);
    }

    [Theory]
    [InlineData(401, "", null, "has no public model 'openai-community/gpt2': check the name, or set HF_TOKEN to a token if it is private.")]
    [InlineData(401, "RepoNotFound", "t", "has no model 'openai-community/gpt2'; check the name.")]
    [InlineData(401, "", "t", "refuses the token for the model 'gpt2'; set HF_TOKEN to a valid one, or to none for a public model.")]
    [InlineData(401, "GatedRepo", null, "does not give out the model 'gpt2' to everyone: accept its terms at ")]
    [InlineData(403, "GatedRepo", "t", "does not give out the model 'gpt2' to the owner of this token: accept its terms at ")]
    [InlineData(404, "RepoNotFound", null, "has no model 'openai-community/gpt2'; check the name, or set HF_TOKEN to a token if it is private.")]
    [InlineData(404, "RevisionNotFound", null, "'openai-community/gpt2' has no revision 'main' at ")]
    [InlineData(404, "", null, "has no model 'openai-community/gpt2'; check the name, or")]
    [InlineData(418, "", null, "answered 418 for the model 'gpt2'; check HF_ENDPOINT, or try again later.")]
    public async Task A_refusal_says_what_to_do(int status, string code, string? token, string sentence)
    {
        Settings = Settings with { Token = token };
        Server.Rule = (_, _) => HubAnswer.Of(status, ("X-Error-Code", code));

        Exception error = await Should.ThrowAsync<Exception>(Pull());

        error.Message.ShouldContain(sentence);
        error.Message.ShouldMatch("^[^\n]+\\.$");
        error.GetType().ShouldBe(status == 418 ? typeof(IOException) : typeof(InvalidDataException));
        Server.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_to_nobody_else()
    {
        Settings = Settings with { Token = "hf_secret" };

        await Pull();

        ShouldHoldAll();
        Server.Requests.Where(request => !request.IsStore).ShouldAllBe(request => request.Header("Authorization") == "Bearer hf_secret");
        Server.Requests.Where(request => request.IsStore).ShouldAllBe(request => request.Header("Authorization") == null);
        Server.Requests.ShouldContain(request => request.IsStore);
    }

    [Fact]
    public async Task A_refusal_of_the_store_is_tried_again_at_the_hub()
    {
        int count = 0;
        Server.Rule = (request, honest) => request.IsStore && Interlocked.Increment(ref count) == 4 ? HubAnswer.Of(403) : honest;

        await Pull();

        ShouldHoldAll();
        Observer.Notes.ShouldContain(note => note.StartsWith("The server it is kept on refused (403)", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_model_that_was_renamed_is_followed()
    {
        Server.Rule = (request, honest) => request.Path.StartsWith("/api/models/openai-community/", StringComparison.Ordinal)
            ? HubAnswer.Of(307, ("Location", "/moved")) : request.Path == "/moved" ? new HubAnswer(200, [], Encoding.UTF8.GetBytes(Server.Listing())) : honest;

        await Pull();

        ShouldHoldAll();
    }

    [Theory]
    [InlineData("/api/models/openai-community/gpt2/revision/main?blobs=true", "it redirects in a circle")]
    [InlineData("file:///etc/passwd", "it redirects to an address that is not safe")]
    [InlineData("ftp://127.0.0.1/x", "it redirects to an address that is not safe")]
    public async Task Redirects_that_lead_nowhere_are_refused(string location, string reason)
    {
        Server.Rule = (_, _) => HubAnswer.Of(302, ("Location", location));

        (await Refusal<IOException>()).ShouldBe($"{Server.Endpoint.Authority} did not answer as the hub does: {reason}; check HF_ENDPOINT.");
        Server.Requests.Count.ShouldBeLessThan(20);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("<html>")]
    [InlineData("{\"sha\": \"../../../x\", \"siblings\": []}")]
    [InlineData("{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": {}}")]
    [InlineData("{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [1]}")]
    [InlineData("{\"sha\": \"0123456789abcdef0123456789abcdef01234567\", \"siblings\": [{\"rfilename\": \"\\ud800\"}]}")]
    public async Task A_listing_that_is_none_is_refused(string json)
    {
        Server.Rule = (_, honest) => honest with { Body = Encoding.UTF8.GetBytes(json) };

        (await Refusal<IOException>()).ShouldContain("did not answer as the hub does: its list of files ");
    }

    [Fact]
    public async Task A_listing_without_end_is_cut_off()
    {
        byte[] endless = new byte[20 << 20];
        Array.Fill(endless, (byte)' ');
        Server.Rule = (_, honest) => honest with { Body = endless };

        (await Refusal<IOException>()).ShouldContain("longer than 16 MiB");
    }

    [Theory]
    [InlineData("../../../evil")]
    [InlineData("/etc/evil")]
    [InlineData("C:\\evil")]
    [InlineData("a//b")]
    [InlineData("NUL")]
    public async Task Names_that_lead_out_of_the_folder_are_refused(string name)
    {
        Server.Add(name, "evil");
        Server.Add("model.safetensors.index.json", "{\"weight_map\": {\"a\": " + System.Text.Json.JsonSerializer.Serialize(name) + "}}");
        Server.Rule = (request, honest) => request.Path.StartsWith("/api/", StringComparison.Ordinal)
            ? honest with { Body = Encoding.UTF8.GetBytes(Server.Listing().Replace("\"model.safetensors\"", "\"other\"", StringComparison.Ordinal)) } : honest;

        (await Refusal<InvalidDataException>(name)).ShouldContain("is no file name that is safe to use here");
        (await Refusal<InvalidDataException>()).ShouldContain("is no file name that is safe to use here");
        Directory.EnumerateFiles(Folder.FullName, "*evil*", SearchOption.AllDirectories).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_checksum_that_is_no_name_of_a_file_is_asked_for_again_and_refused()
    {
        Server.Rule = (request, honest) => request.Path.StartsWith("/api/", StringComparison.Ordinal)
            ? honest with { Body = Encoding.UTF8.GetBytes(Server.Listing().Replace(Server.Hash(Large), "../../../../evil", StringComparison.Ordinal)) }
            : request.Method == "HEAD" ? honest.With("X-Linked-Etag", "\"../../../../evil\"") : honest;

        (await Refusal<IOException>()).ShouldContain("it does not say how long 'model.safetensors' is and what its checksum is");
    }

    [Fact]
    public async Task A_length_beyond_all_disks_is_refused()
    {
        Server.Rule = (request, honest) => request.Path.StartsWith("/api/", StringComparison.Ordinal)
            ? honest with { Body = Encoding.UTF8.GetBytes(Server.Listing().Replace("100003", $"{long.MaxValue}", StringComparison.Ordinal)) } : honest;
        Options = Options with { FreeBytes = _ => null };

        (await Refusal<IOException>()).ShouldContain("'model.safetensors' would be 9,223,372,036.9 GB long");
    }

    [Theory]
    [InlineData("not HTTP at all\r\n\r\n")]
    [InlineData("HTTP/1.1 2000000000000 OK\r\n\r\n")]
    [InlineData("")]
    public async Task What_is_no_web_server_is_given_up(string raw)
    {
        Server.Rule = (_, honest) => honest with { Raw = raw };

        (await Refusal<IOException>()).ShouldStartWith($"Could not fetch the list of files of 'gpt2' from {Server.Endpoint.Authority}: ");
    }

    [Fact]
    public async Task Headers_without_end_are_given_up()
    {
        Server.Rule = (_, honest) => honest.With("X-Long", new string('x', 200_000));

        (await Refusal<IOException>()).ShouldStartWith("Could not fetch the list of files");
    }

    [Fact]
    public async Task Where_nothing_listens_the_error_says_what_to_do_at_once()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        Settings = Settings with { Endpoint = new Uri($"http://127.0.0.1:{port}") };
        Options = Options with { FirstDelay = TimeSpan.FromMinutes(1) };

        string message = await Refusal<IOException>();

        message.ShouldStartWith($"Could not reach 127.0.0.1:{port}: ");
        message.ShouldEndWith("; check the network and the proxy, set HF_ENDPOINT to another address of the hub, or give a folder instead of a name.");
    }

    [Fact]
    public async Task A_server_without_a_trusted_certificate_is_refused()
    {
        Settings = Settings with { Endpoint = new Uri(Server.Endpoint.AbsoluteUri.Replace("http:", "https:", StringComparison.Ordinal)) };

        (await Refusal<IOException>()).ShouldContain("its certificate is not trusted, or it speaks no TLS");
    }
}
