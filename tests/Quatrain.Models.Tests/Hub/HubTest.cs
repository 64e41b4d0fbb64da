using Quatrain.Models.Hub;
using Quatrain.Models.Tests.Checkpoints;
using Quatrain.Tensors;
using Quatrain.Tests;

namespace Quatrain.Models.Tests.Hub;

/// <summary>A hub with a small model on it, an empty cache folder, and short patience.</summary>
public abstract class HubTest : IDisposable
{
    protected const string Large = "model.safetensors";
    protected const int LargeLength = 100_003;

    private protected HubTest()
    {
        Server.Add("config.json", "{\"model_type\": \"gpt2\"}");
        Server.Add("vocab.json", "{}");
        Server.Add("README.md", "not fetched");
        Server.Add(Large, Bytes(LargeLength), isLarge: true);
        Settings = new HubSettings(Server.Endpoint, Folder.File("hub"));
    }

    private protected static HubModelName Name { get; } = HubModelName.Parse("gpt2");

    private protected HostileHubServer Server { get; } = new();

    private protected TemporaryFolder Folder { get; } = new();

    private protected HubSettings Settings { get; set; }

    private protected RecordingObserver Observer { get; } = new();

    private protected DownloadOptions Options { get; set; } = new()
    {
        Connections = 4,
        PieceBytes = (4096, 4096),
        StallTimeout = TimeSpan.FromSeconds(30),
        FirstDelay = TimeSpan.FromMilliseconds(1),
        LockInterval = TimeSpan.FromMilliseconds(5),
    };

    private protected string ModelFolder => Path.Combine(Settings.CacheFolder, "models--openai-community--gpt2");

    private protected string Snapshot => Path.Combine(ModelFolder, "snapshots", HostileHubServer.Commit);

    private protected string BlobPath => Path.Combine(ModelFolder, "blobs", Server.Hash(Large));

    public void Dispose()
    {
        Server.Dispose();
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static byte[] Bytes(int length, ulong seed = 1)
    {
        RandomSource random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (byte)random.NextInt32(256))];
    }

    private protected Task<PulledModel> Pull(CancellationToken cancellation = default, params string[] files) =>
        new HubPull(Settings, Observer, Options).RunAsync(Name, files, cancellation);

    private protected async Task<string> Refusal<T>(params string[] files)
        where T : Exception
    {
        T error = await Should.ThrowAsync<T>(Pull(default, files));
        error.Message.ShouldMatch("^[^\n]+\\.$");
        error.GetType().ShouldBe(typeof(T));
        ShouldHoldNothingWrong();
        return error.Message;
    }

    private protected void ShouldHoldAll()
    {
        foreach (string file in (string[])["config.json", "vocab.json", Large])
        {
            File.ReadAllBytes(Path.Combine(Snapshot, file)).ShouldBe(Server.Content(file), file);
        }

        Directory.GetFiles(Path.Combine(ModelFolder, "blobs")).Select(Path.GetFileName)
            .ShouldBe(((string[])["config.json", "vocab.json", Large]).Select(Server.Hash), ignoreOrder: true);
        File.ReadAllText(Path.Combine(ModelFolder, "refs", "main")).ShouldBe(HostileHubServer.Commit);
        Observer.DoneBytes.ShouldBe(Observer.TotalBytes);
    }

    /// <summary>Nothing that a reader would take for a file of the model is not one.</summary>
    private protected void ShouldHoldNothingWrong()
    {
        if (!Directory.Exists(ModelFolder))
        {
            return;
        }

        foreach (string file in (string[])["config.json", "vocab.json", Large])
        {
            string path = Path.Combine(Snapshot, file), blob = Path.Combine(ModelFolder, "blobs", Server.Hash(file));
            (File.Exists(path) ? File.ReadAllBytes(path) : Server.Content(file)).ShouldBe(Server.Content(file));
            (File.Exists(blob) ? File.ReadAllBytes(blob) : Server.Content(file)).ShouldBe(Server.Content(file));
        }
    }

    private protected sealed class RecordingObserver : IHubObserver
    {
        private long _doneBytes;

        public long DoneBytes => Interlocked.Read(ref _doneBytes);

        public long PresentBytes { get; private set; }

        public long TotalBytes { get; private set; }

        public System.Collections.Concurrent.ConcurrentQueue<string> Notes { get; } = new();

        /// <summary>Runs when so many bytes are there.</summary>
        public (long Bytes, Action Action)? At { get; set; }

        public void Begun(int fileCount, long presentBytes, long totalBytes) =>
            (PresentBytes, TotalBytes, _doneBytes) = (presentBytes, totalBytes, presentBytes);

        public void Changed(long bytes)
        {
            if (Interlocked.Add(ref _doneBytes, bytes) >= At?.Bytes)
            {
                At?.Action();
            }
        }

        public void Noted(string message) => Notes.Enqueue(message);
    }
}
