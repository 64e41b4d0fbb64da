using Quatrain.Models.Hub;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Hub;

public sealed class HubPullTests : HubTest
{
    [Fact]
    public async Task A_model_is_laid_out_as_the_hubs_tools_do()
    {
        PulledModel pulled = await Pull();

        ShouldHoldAll();
        pulled.Folder.ShouldBe(Snapshot);
        pulled.Commit.ShouldBe(HostileHubServer.Commit);
        pulled.Files.Select(file => file.Name).ShouldBe(["config.json", "vocab.json", Large]);
        pulled.ByteCount.ShouldBe(Observer.TotalBytes);
        pulled.FetchedBytes.ShouldBe(pulled.ByteCount);
        Server.ServedBytes.ShouldBe(pulled.ByteCount);
        Observer.Notes.ShouldBeEmpty();
        Server.Hash("vocab.json").ShouldBe("9e26dfeeb6e641a33dae4961196235bdb965b21b", "git hash-object of {}");
        if (!OperatingSystem.IsWindows())
        {
            new FileInfo(Path.Combine(Snapshot, Large)).LinkTarget.ShouldBe($"../../blobs/{Server.Hash(Large)}");
        }
    }

    [Fact]
    public async Task A_large_file_is_fetched_in_pieces_that_cover_it_once()
    {
        await Pull();

        (long From, long To)[] ranges = [.. Server.Requests.Where(request => request.IsStore).Select(request => request.Range!.Value).Order()];
        ranges.Length.ShouldBe((LargeLength + 4095) / 4096);
        ranges.Select(range => range.From).ShouldBe(Enumerable.Range(0, ranges.Length).Select(i => i * 4096L));
        ranges[^1].To.ShouldBe(LargeLength - 1);
    }

    [Fact]
    public async Task Pieces_are_fetched_side_by_side()
    {
        // No answer comes before all four connections have asked.
        int waiting = 0;
        using ManualResetEventSlim all = new();
        Server.Rule = (request, honest) =>
        {
            if (request.IsStore && request.Range!.Value.From > 0 && !all.IsSet)
            {
                if (Interlocked.Increment(ref waiting) == 3)
                {
                    all.Set();
                }

                return honest with { Delay = TimeSpan.FromMilliseconds(20) };
            }

            return honest;
        };

        await Pull();

        all.IsSet.ShouldBeTrue();
        ShouldHoldAll();
    }

    [Fact]
    public async Task What_is_there_costs_one_request()
    {
        await Pull();
        int before = Server.Requests.Count;

        PulledModel again = await Pull();

        Server.Requests.Count.ShouldBe(before + 1);
        again.FetchedBytes.ShouldBe(0);
        Observer.PresentBytes.ShouldBe(Observer.TotalBytes);
        ShouldHoldAll();
    }

    [Fact]
    public async Task Offline_needs_no_request_and_says_what_is_not_there()
    {
        HubSettings online = Settings;
        Settings = online with { IsOffline = true };
        (await Refusal<InvalidDataException>()).ShouldStartWith($"'gpt2' is not in '{Settings.CacheFolder}', and HF_HUB_OFFLINE forbids");
        Server.Requests.ShouldBeEmpty();

        Settings = online;
        await Pull();
        int before = Server.Requests.Count;
        Settings = online with { IsOffline = true };
        PulledModel offline = await Pull();

        offline.Folder.ShouldBe(Snapshot);
        offline.Commit.ShouldBe(HostileHubServer.Commit);
        offline.Files.ShouldBe([("config.json", 22L), (Large, LargeLength), ("vocab.json", 2)]);
        (await Pull(default, "vocab.json")).Files.ShouldBe([("vocab.json", 2L)]);
        (await Refusal<InvalidDataException>("README.md")).ShouldStartWith("'README.md' of 'gpt2' is not in ");
        (await Refusal<InvalidDataException>("../../refs/main")).ShouldStartWith("'../../refs/main' of 'gpt2' is not in ");
        Server.Requests.Count.ShouldBe(before);
    }

    [Fact]
    public async Task A_damaged_file_is_found_when_asked_for_and_fetched_again()
    {
        await Pull();
        byte[] damaged = Server.Content(Large)[..];
        damaged[70_000] ^= 1;
        File.WriteAllBytes(BlobPath, damaged);

        await Pull();
        File.ReadAllBytes(Path.Combine(Snapshot, Large)).ShouldBe(damaged);
        PulledModel verified = await new HubPull(Settings, Observer, Options) { Verifies = true }.RunAsync(Name, []);

        verified.FetchedBytes.ShouldBe(LargeLength);
        ShouldHoldAll();
    }

    [Fact]
    public async Task A_file_cut_short_on_the_disk_is_fetched_again()
    {
        await Pull();
        File.WriteAllBytes(BlobPath, Server.Content(Large)[..500]);

        await Pull();

        ShouldHoldAll();
    }

    [Fact]
    public async Task A_blob_that_another_commit_brought_is_only_linked()
    {
        await Pull();
        Directory.Delete(Path.Combine(ModelFolder, "snapshots"), recursive: true);

        (await Pull()).FetchedBytes.ShouldBe(0);

        ShouldHoldAll();
    }

    [Fact]
    public async Task Where_links_can_not_be_made_files_lie_in_the_folder_itself()
    {
        Options = Options with { CreateLink = (_, _) => throw new IOException("A required privilege is not held by the client.") };

        await Pull();
        int before = Server.Requests.Count;
        await Pull();

        Server.Requests.Count.ShouldBe(before + 1);
        File.ReadAllBytes(Path.Combine(Snapshot, Large)).ShouldBe(Server.Content(Large));
        new FileInfo(Path.Combine(Snapshot, Large)).LinkTarget.ShouldBeNull();
        Directory.GetFiles(Path.Combine(ModelFolder, "blobs")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Files_can_be_chosen()
    {
        PulledModel pulled = await Pull(default, "README.md");

        pulled.Files.ShouldBe([("README.md", 11L)]);
        File.ReadAllText(Path.Combine(Snapshot, "README.md")).ShouldBe("not fetched");
        (await Refusal<InvalidDataException>("readme.md"))
            .ShouldBe("'gpt2' has no file 'readme.md'; it has README.md, config.json, model.safetensors, vocab.json.");
    }

    [Fact]
    public async Task Files_in_folders_keep_their_place()
    {
        Server.Add("q8/a model.gguf", "content");

        await Pull(default, "q8/a model.gguf");

        File.ReadAllText(Path.Combine(Snapshot, "q8", "a model.gguf")).ShouldBe("content");
        if (!OperatingSystem.IsWindows())
        {
            new FileInfo(Path.Combine(Snapshot, "q8", "a model.gguf")).LinkTarget.ShouldBe($"../../../blobs/{Server.Hash("q8/a model.gguf")}");
        }
    }

    [Fact]
    public async Task A_hub_that_does_not_tell_lengths_is_asked_for_each_file()
    {
        Server.Rule = (request, honest) => request.Path.StartsWith("/api/", StringComparison.Ordinal)
            ? honest with { Body = System.Text.Encoding.UTF8.GetBytes(Server.Listing(hasBlobs: false)) } : honest;

        await Pull();

        ShouldHoldAll();
        Server.Requests.Count(request => request.Method == "HEAD").ShouldBe(3);
    }

    [Fact]
    public async Task Two_pulls_at_once_fetch_everything_once()
    {
        Server.Rule = (_, honest) => honest with { Delay = TimeSpan.FromMilliseconds(2) };
        HubPull other = new(Settings, new RecordingObserver(), Options);

        PulledModel[] pulled = await Task.WhenAll(Pull(), other.RunAsync(Name, []));

        Server.ServedBytes.ShouldBe(pulled[0].ByteCount);
        pulled.Sum(model => model.FetchedBytes).ShouldBe(pulled[0].ByteCount);
        ShouldHoldAll();
    }

    [Fact]
    public async Task Without_room_nothing_is_fetched()
    {
        Options = Options with { FreeBytes = folder => folder == Settings.CacheFolder ? 50_000 : throw new ArgumentException(folder) };

        (await Refusal<IOException>()).ShouldBe(
            $"'gpt2' needs 100,027 bytes more on the disk with '{Settings.CacheFolder}', which has 50,000 bytes free; free some space, or set HF_HOME to a folder on another disk.");

        Server.ServedBytes.ShouldBe(0);
        Options = Options with { FreeBytes = _ => 100_027 };
        await Pull();
        // What is there takes no more room.
        Options = Options with { FreeBytes = _ => 0 };
        await Pull();
        ShouldHoldAll();
    }

    [Fact]
    public async Task An_empty_file_is_a_file()
    {
        Server.Add("merges.txt", "");

        await Pull();

        File.ReadAllBytes(Path.Combine(Snapshot, "merges.txt")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Weights_in_several_files_are_those_of_the_index()
    {
        Server.Add("model.safetensors.index.json", """{"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors", "c": "part-1.safetensors"}}""");
        Server.Add("part-1.safetensors", Bytes(5000, 2), isLarge: true);
        Server.Add("part-2.safetensors", Bytes(6000, 3), isLarge: true);
        Server.Add("part-3.safetensors", Bytes(7000, 4), isLarge: true);
        Server.Rule = (request, honest) => request.Path.StartsWith("/api/", StringComparison.Ordinal)
            ? honest with { Body = System.Text.Encoding.UTF8.GetBytes(Server.Listing().Replace("\"model.safetensors\"", "\"other.safetensors\"", StringComparison.Ordinal)) } : honest;

        PulledModel pulled = await Pull();

        pulled.Files.Select(file => file.Name).ShouldBe(
            ["config.json", "vocab.json", "model.safetensors.index.json", "part-1.safetensors", "part-2.safetensors"]);
        Directory.GetFiles(Snapshot).Length.ShouldBe(5);
        Observer.DoneBytes.ShouldBe(Observer.TotalBytes);
    }

    [Fact]
    public async Task A_revision_is_asked_for_and_remembered()
    {
        HubModelName name = HubModelName.Parse("gpt2@refs/pr/7");

        await new HubPull(Settings, Observer, Options).RunAsync(name, []);

        Server.Requests[0].Path.ShouldBe("/api/models/openai-community/gpt2/revision/refs%2Fpr%2F7");
        File.ReadAllText(Path.Combine(ModelFolder, "refs", "refs", "pr", "7")).ShouldBe(HostileHubServer.Commit);
        File.Exists(Path.Combine(ModelFolder, "refs", "main")).ShouldBeFalse();
    }
}
