using System.Text.Json;
using Quatrain.Cli.Display;
using Quatrain.Cli.Tests.Support;
using Quatrain.Tests;

namespace Quatrain.Cli.Tests.Commands;

/// <summary>The program itself, since the hub's address and the cache folder come from the environment.</summary>
[Collection(TinyRunTests.Name)]
public sealed class PullCommandTests : IDisposable
{
    private const int BigLength = 20_000_000;
    private const string Big = "weights.bin";

    private readonly TinyRun _run;
    private readonly TemporaryFolder _folder = new();
    private readonly HostileHubServer _server = new();

    public PullCommandTests(TinyRun run)
    {
        _run = run;
        foreach (string file in (string[])["config.json", "tokenizer.json", "model.safetensors"])
        {
            _server.Add(file, File.ReadAllBytes(Path.Combine(run.Path, file)), isLarge: file == "model.safetensors");
        }
    }

    private string Snapshot => Path.Combine(_folder.Path, "hub", "models--openai-community--gpt2", "snapshots", HostileHubServer.Commit);

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_pulled_model_is_used_by_its_name()
    {
        string said = (await Run("pull", "gpt2")).Success();

        said.ShouldStartWith("'gpt2' is there: 3 files, ");
        said.ShouldContain(Snapshot);
        said.ShouldContain("Try: quatrain generate gpt2 --prompt");
        (await Run("pull", "gpt2")).Success().ShouldStartWith("'gpt2' was there already: 3 files, ");
        int requests = _server.Requests.Count;
        string[] options = ["--prompt", "the cat", "--temperature", "0", "--max-tokens", "20"];
        (await Run(["generate", "gpt2", .. options])).Success().ShouldBe((await CommandLine.Run(["generate", _run.Path, .. options])).Success());
        (await Run("inspect", "gpt2", "--json")).Json().GetProperty("parameters").GetInt64().ShouldBe(_run.Training.Json().GetProperty("parameters").GetInt64());
        _server.Requests.Count.ShouldBe(requests);
    }

    [Fact]
    public async Task Json_says_what_is_there_and_what_was_fetched()
    {
        JsonElement json = (await Run("pull", "gpt2", "--json")).Json();

        TinyRun.Names(json).ShouldBe(["name", "revision", "commit", "path", "files", "bytes", "bytes_fetched", "seconds", "usable", "problem"]);
        json.GetProperty("name").GetString().ShouldBe("openai-community/gpt2");
        json.GetProperty("revision").GetString().ShouldBe("main");
        json.GetProperty("commit").GetString().ShouldBe(HostileHubServer.Commit);
        json.GetProperty("path").GetString().ShouldBe(Snapshot);
        json.GetProperty("files")[0].GetProperty("name").GetString().ShouldBe("config.json");
        json.GetProperty("bytes_fetched").GetInt64().ShouldBe(json.GetProperty("files").EnumerateArray().Sum(file => file.GetProperty("bytes").GetInt64()));
        json.GetProperty("usable").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public async Task A_model_that_can_not_be_run_is_there_all_the_same()
    {
        _server.Add("config.json", "{\"model_type\": \"llama\"}");

        (await Run("pull", "gpt2")).Success().ShouldContain("It can't be used as a model yet: ");
        File.Exists(Path.Combine(Snapshot, "model.safetensors")).ShouldBeTrue();
    }

    [Fact]
    public async Task What_can_not_be_pulled_is_refused_in_a_sentence()
    {
        (await Run("pull", "gtp2")).Refusal().ShouldBe("'gtp2' is no model of the hub; did you mean 'gpt2'?");
        (await Run("pull", "llama")).Refusal().ShouldStartWith("'llama' is no model of the hub; name it OWNER/NAME, or one of gpt2, ");
        (await Run("pull", "gpt2@a", "--revision", "b")).Refusal().ShouldStartWith("'gpt2@a' names a revision already");
        (await Run("pull", "owner/name")).Refusal().ShouldStartWith($"{_server.Endpoint.Authority} has no model 'owner/name'; check the name");
        (await Run("pull", "gpt2", "--file", "x")).Refusal().ShouldBe("'gpt2' has no file 'x'; it has config.json, model.safetensors, tokenizer.json.");
        (await Run("generate", "gpt2")).Refusal().ShouldEndWith("fetch the model with 'quatrain pull gpt2'.");
        foreach (string[] command in (string[][])[["generate", "gtp2"], ["chat", "gtp2"], ["inspect", "gtp2"], ["tokenizer", "encode", "gtp2"], ["export", "gtp2", "--out", "x"]])
        {
            (await Run(command)).Refusal().ShouldEndWith("; did you mean 'gpt2'?");
        }
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("KILL")]
    public async Task A_pull_that_is_stopped_or_killed_goes_on_where_it_was(string signal)
    {
        byte[] content = [.. Enumerable.Range(0, BigLength).Select(i => (byte)((i * 2_654_435_761L) >> 16))];
        _server.Add(Big, content, isLarge: true);
        _server.Rule = (request, honest) => request.IsStore ? honest with { BytesAtATime = 1 << 16, Pause = TimeSpan.FromMilliseconds(10) } : honest;
        string[] arguments = ["pull", "gpt2", "--file", Big, "--json"];
        using (QuatrainProcess process = Start(arguments))
        {
            await process.UntilErrorHas("Fetching 1 file, 20.0 MB.");
            while (_server.ServedBytes < 6_000_000)
            {
                await Task.Delay(5);
            }

            await process.Signal(signal);
            Outcome stopped = await process.End();
            stopped.ExitCode.ShouldNotBe(0);
            stopped.Output.ShouldBeEmpty();
            (stopped.Error.Contains("Stopped; what has arrived is kept, and the same command goes on from there.", StringComparison.Ordinal) || signal == "KILL").ShouldBeTrue();
        }

        Directory.Exists(Snapshot).ShouldBeFalse();
        _server.Rule = (_, honest) => honest;
        Outcome outcome = await Run(arguments);

        outcome.Error.ShouldContain("Fetching 1 file, 20.0 MB, of which ");
        // What was on its way when the process ended is lost, and no more.
        outcome.Json().GetProperty("bytes_fetched").GetInt64().ShouldBeLessThan(BigLength - 2_000_000);
        File.ReadAllBytes(Path.Combine(Snapshot, Big)).AsSpan().SequenceEqual(content).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0, 0, double.NaN, "asking the hub")]
    [InlineData(0, 548_105_171, double.NaN, "0 bytes of 548.1 MB")]
    [InlineData(100_000_000, 548_105_171, 12_345_678, "100.0 MB of 548.1 MB  12.3 MB/s  00:36 left")]
    [InlineData(0, 6_431_829_964, 1000, "0 bytes of 6.43 GB  1.0 kB/s  74.10:37:09 left")]
    [InlineData(1, 1 << 30, 0, "1 bytes of 1.07 GB")]
    [InlineData(548_105_171, 548_105_171, 1e9, "548.1 MB of 548.1 MB, checking")]
    public void The_display_says_how_far_it_is(long done, long total, double rate, string status) => PullDisplay.Status(done, total, rate).ShouldBe(status);

    private QuatrainProcess Start(string[] arguments) => QuatrainProcess.Start(arguments, environment: new Dictionary<string, string>
    {
        ["HF_ENDPOINT"] = _server.Endpoint.AbsoluteUri,
        ["HF_HOME"] = _folder.Path,
        ["HF_HUB_CACHE"] = "",
        ["HUGGINGFACE_HUB_CACHE"] = "",
        ["HF_TOKEN"] = "",
        ["HF_HUB_OFFLINE"] = "",
        ["TRANSFORMERS_OFFLINE"] = "",
    });

    private async Task<Outcome> Run(params string[] arguments)
    {
        using QuatrainProcess process = Start(arguments);
        return await process.End();
    }
}
