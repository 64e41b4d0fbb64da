using System.Text;
using System.Text.Json;
using Quatrain.Tensors;

namespace Quatrain.Cli.Tests.Support;

/// <summary>One tiny model, trained once by the command line for all tests; they leave it as it is, or change a copy.</summary>
public sealed class TinyRun : IAsyncLifetime, IDisposable
{
    public const int ContextLength = 16;
    public const int Iterations = 60;

    private readonly TemporaryFolder _folder = new();

    /// <summary>The options that every tiny run has.</summary>
    public static IReadOnlyList<string> Options { get; } =
    [
        "--layer-count", "1", "--head-count", "2", "--embedding-size", "16", "--context-length", $"{ContextLength}", "--batch-size", "4",
        "--iterations", $"{Iterations}", "--warmup-iterations", "5", "--learning-rate", "0.02", "--eval-every", "20", "--checkpoint-every", "20", "--threads", "1",
    ];

    public string TextPath => _folder.File("text.txt");

    public string Path => _folder.File("run");

    /// <summary>The text the run was trained on; its é makes characters and bytes differ.</summary>
    public string Text { get; } = WriteText();

    /// <summary>What <c>train --json</c> said of it.</summary>
    internal Outcome Training { get; private set; } = null!;

    /// <summary>The arguments that train such a model; an option in <paramref name="more"/> replaces the usual one.</summary>
    internal static string[] TrainArguments(string data, string folder, params string[] more) =>
        ["train", "--data", data, "--out", folder, .. Options.Chunk(2).Where(option => !more.Contains(option[0])).SelectMany(option => option), .. more];

    /// <summary>A copy of the run that a test may damage.</summary>
    internal string CopyTo(TemporaryFolder folder, string name = "copy")
    {
        TemporaryFolder.Copy(Path, folder.File(name));
        return folder.File(name);
    }

    /// <summary>A copy without a tokenizer.</summary>
    internal string CopyWithoutTokenizer(TemporaryFolder folder)
    {
        string copy = CopyTo(folder);
        File.Delete(System.IO.Path.Combine(copy, "tokenizer.json"));
        return copy;
    }

    public async Task InitializeAsync()
    {
        _folder.WriteText("text.txt", Text);
        Training = await CommandLine.Run(TrainArguments(TextPath, Path, "--json"));
        Training.Success();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _folder.Dispose();

    internal static IEnumerable<string> Names(JsonElement json) => json.EnumerateObject().Select(property => property.Name);

    private static string WriteText()
    {
        string[] words = ["the", "cat", "dog", "café", "sees", "hears", "finds", "old", "new", "red", "house", "tree", "and", "then", "home"];
        RandomSource random = new(1);
        StringBuilder text = new();
        for (int line = 0; line < 60; line++)
        {
            for (int word = 0; word < 7; word++)
            {
                text.Append(words[random.NextInt32(words.Length)]).Append(word < 6 ? ' ' : '.');
            }

            text.Append('\n');
        }

        return text.ToString();
    }
}

/// <summary>The tests that share the <see cref="TinyRun"/>.</summary>
[CollectionDefinition(Name)]
public sealed class TinyRunTests : ICollectionFixture<TinyRun>
{
    public const string Name = "tiny run";
}
