using Quatrain.Training.Tests.FineTuning;

namespace Quatrain.Cli.Tests.Support;

/// <summary>A tiny classifier, made once by the command line for all tests; they leave it as it is, or change a copy.</summary>
public sealed class SpamRun : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string BasePath => _folder.File("base");

    public string DataPath => _folder.File("spam.csv");

    public string Path => _folder.File("run");

    /// <summary>The made-up texts: 90, of which 30 are spam.</summary>
    internal (string Label, string Text)[] Texts { get; } = SpamTexts.Make(90);

    /// <summary>What <c>finetune classify --json</c> said of it.</summary>
    internal Outcome Training { get; private set; } = null!;

    /// <summary>The arguments that make such a classifier in a few steps.</summary>
    internal string[] Arguments(string folder, params string[] more) =>
        ["finetune", "classify", BasePath, "--data", DataPath, "--out", folder, "--epochs", "2", "--learning-rate", "0.01", "--threads", "1", .. more];

    public async Task InitializeAsync()
    {
        SpamTexts.WriteModel(BasePath);
        _folder.WriteText("spam.csv", SpamTexts.Csv(Texts));
        Training = await CommandLine.Run(Arguments(Path, "--max-false-positive-rate", "0.2", "--json"));
        Training.Success();
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _folder.Dispose();
}

/// <summary>The tests that share the <see cref="SpamRun"/>.</summary>
[CollectionDefinition(Name)]
public sealed class SpamRunTests : ICollectionFixture<SpamRun>
{
    public const string Name = "spam run";
}
