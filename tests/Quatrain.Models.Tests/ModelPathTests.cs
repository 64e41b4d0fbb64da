using Quatrain.Models.Hub;
using Quatrain.Models.Tests.Checkpoints;

namespace Quatrain.Models.Tests;

public sealed class ModelPathTests : IDisposable
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";
    private const string OtherCommit = "1123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryFolder _cache = new();

    private HubSettings Settings => new(new Uri("http://nowhere.invalid"), _cache.FullName);

    public void Dispose() => _cache.Dispose();

    [Theory]
    [InlineData("gpt2", "models--openai-community--gpt2")]
    [InlineData("gpt2", "models--gpt2")]
    [InlineData("distilgpt2", "models--distilbert--distilgpt2")]
    [InlineData("owner/name", "models--owner--name")]
    public void A_pulled_name_is_its_folder(string name, string folder)
    {
        string snapshot = Add(folder, "main", Commit, "config.json", "a.gguf");

        Resolve(name).ShouldBe(snapshot);
    }

    [Fact]
    public void A_path_that_lasts_is_full_and_a_name_stays_a_name()
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, _cache.FullName);

        ModelPath.InFull(relative).ShouldBe(Path.GetFullPath(relative));
        ModelPath.InFull("gpt2").ShouldBe("gpt2");
    }

    [Fact]
    public void A_model_that_must_be_there_is_or_is_named()
    {
        ModelPath.ResolveExisting(_cache.FullName).ShouldBe(_cache.FullName);
        Should.Throw<FileNotFoundException>(() => ModelPath.ResolveExisting("no-such-model")).Message
            .ShouldBe("There is no file or folder 'no-such-model'; check the path, or name a pulled model such as gpt2.");
    }

    [Fact]
    public void A_revision_is_a_branch_or_a_commit()
    {
        string main = Add("models--owner--name", "main", Commit, "config.json"), other = Add("models--owner--name", "refs/pr/1", OtherCommit, "config.json");

        Resolve("owner/name").ShouldBe(main);
        Resolve("owner/name@refs/pr/1").ShouldBe(other);
        Resolve($"owner/name@{OtherCommit}").ShouldBe(other);
        Should.Throw<FileNotFoundException>(() => Resolve("owner/name@v2"));
    }

    [Fact]
    public void A_folder_with_one_gguf_and_no_configuration_is_that_file()
    {
        string folder = Add("models--owner--name", "main", Commit, "q8/a.gguf", "README.md");
        Resolve("owner/name").ShouldBe(Path.Combine(folder, "q8", "a.gguf"));

        Add("models--owner--name", "main", Commit, "b.gguf");
        Resolve("owner/name").ShouldBe(folder);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../secret")]
    [InlineData("0123456789abcdef0123456789abcdef01234568")]
    public void A_reference_that_leads_nowhere_is_no_pulled_model(string reference)
    {
        Add("models--owner--name", "main", Commit, "config.json");
        File.WriteAllText(Path.Combine(_cache.FullName, "models--owner--name", "refs", "main"), reference);

        Should.Throw<FileNotFoundException>(() => Resolve("owner/name"));
    }

    [Fact]
    public void What_was_not_pulled_is_refused_with_the_way_to_get_it() =>
        Should.Throw<FileNotFoundException>(() => Resolve("runs/verses")).Message.ShouldBe(
            "There is no file or folder 'runs/verses', and no model of that name has been pulled; check the path, or fetch the model with 'quatrain pull runs/verses'.");

    [Theory]
    [InlineData("gtp2", "gpt2")]
    [InlineData("gpt2xl", "gpt2-xl")]
    [InlineData("distillgpt2", "distilgpt2")]
    [InlineData("onwer/name", "owner/name")]
    [InlineData("somewhere", null)]
    // A short name is right as it is.
    [InlineData("gpt2-xl", null)]
    [InlineData("", null)]
    [InlineData("\0/x", null)]
    public void A_name_that_is_almost_known_is_guessed(string name, string? expected)
    {
        Add("models--owner--name", "main", Commit, "config.json");

        ModelPath.Remedy(name, "check the path", Settings).ShouldBe(expected is null ? "check the path." : $"did you mean '{expected}'?");
    }

    [Fact]
    public void What_lies_beside_a_mistyped_path_is_guessed()
    {
        string runs = Path.Combine(_cache.FullName, "runs");
        foreach (string name in (string[])["verses", "prose", ".vreses", "v"])
        {
            Directory.CreateDirectory(Path.Combine(runs, name));
        }

        File.WriteAllText(Path.Combine(runs, "model.gguf"), "");
        string Remedy(string name) => ModelPath.LocalRemedy(Path.Combine(runs, name), "check the path");
        foreach ((string name, string meant) in (ReadOnlySpan<(string, string)>)[("vreses", "verses"), ("verse", "verses"), ("Verses2", "verses"), ("model.guff", "model.gguf")])
        {
            Remedy(name).ShouldBe($"did you mean '{Path.Combine(runs, meant)}'?");
            Remedy(name + Path.DirectorySeparatorChar).ShouldBe(Remedy(name));
            ModelPath.Remedy(Path.Combine(runs, name), "check the path", Settings).ShouldBe(Remedy(name));
        }

        ModelPath.LocalRemedy(Path.Combine(_cache.FullName, "rusn", "prose"), "check the path").ShouldBe($"did you mean '{Path.Combine(runs, "prose")}'?");
        ModelPath.LocalRemedy(Path.Combine(_cache.FullName, "rusn", "proze"), "check the path").ShouldBe("check the path.");
        ModelPath.LocalRemedy(string.Concat(Enumerable.Repeat("no/", 20_000)), "check the path").ShouldBe("check the path.");
        Remedy("poetry").ShouldBe("check the path.");
        Remedy(Path.Combine("none", "verses")).ShouldBe("check the path.");
        // Only what lies there, and no model's name.
        ModelPath.LocalRemedy("gtp2", "check the path").ShouldBe("check the path.");
        Should.Throw<FileNotFoundException>(() => ModelPath.ResolveExisting(Path.Combine(runs, "vreses"))).Message.ShouldEndWith($"; did you mean '{Path.Combine(runs, "verses")}'?");
        Should.Throw<DirectoryNotFoundException>(() => ModelFile.Load(Path.Combine(runs, "vreses"))).Message.ShouldEndWith($"; did you mean '{Path.Combine(runs, "verses")}'?");
    }

    [Fact]
    public void A_path_stays_what_it_is()
    {
        ModelPath.Resolve(_cache.FullName).ShouldBe(_cache.FullName);
        foreach (string path in (string[])["", "no-such-model", "/no/such/folder", "./no", "a/b/c", "../x", "no.safetensors", "@x"])
        {
            ModelPath.Resolve(path).ShouldBe(path);
        }
    }

    private string Resolve(string name) => ModelPath.Resolve(name, HubModelName.Parse(name), Settings);

    private string Add(string folder, string reference, string commit, params string[] files)
    {
        string model = Path.Combine(_cache.FullName, folder), snapshot = Path.Combine(model, "snapshots", commit);
        foreach (string file in (string[])[.. files.Select(file => Path.Combine(snapshot, file)), Path.Combine(model, "refs", reference)])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, commit);
        }

        return snapshot;
    }
}
