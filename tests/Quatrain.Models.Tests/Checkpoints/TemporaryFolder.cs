namespace Quatrain.Models.Tests.Checkpoints;

/// <summary>A fresh folder that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string FullName { get; } = Directory.CreateTempSubdirectory("quatrain-test-").FullName;

    public string File(string name) => Path.Combine(FullName, name);

    public string[] FileNames() =>
        [.. Directory.EnumerateFiles(FullName).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(FullName, recursive: true);
}
