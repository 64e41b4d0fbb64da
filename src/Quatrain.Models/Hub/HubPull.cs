using System.Globalization;

namespace Quatrain.Models.Hub;

/// <summary>Fetches a model from the hub into the cache folder.</summary>
public sealed class HubPull
{
    // No file of a model is longer; what claims to be is no size to reckon with.
    private const long LargestFile = 1L << 44;
    private const int LargestIndex = 16 << 20;

    private readonly HubSettings _settings;
    private readonly DownloadOptions _options;
    private readonly HubCache _cache;
    private readonly IHubObserver _observer;
    private long _fetchedBytes;

    internal HubPull(HubSettings settings, IHubObserver observer, DownloadOptions options) =>
        (_settings, _observer, _options, _cache) = (settings, observer, options, new HubCache(settings.CacheFolder, options));

    /// <summary>A pull from where the settings say.</summary>
    public HubPull(HubSettings settings, IHubObserver observer)
        : this(settings, observer, new DownloadOptions())
    {
    }

    /// <summary>Whether to read what is there already too, and fetch again what is damaged.</summary>
    public bool Verifies { get; init; }

    /// <summary>
    /// Fetches a model's configuration, tokenizer and weights, or the files named; what is there already is not fetched again, and what an interrupted pull has
    /// of a file is gone on with. Every length and checksum is verified.
    /// </summary>
    /// <param name="name">The model and its revision.</param>
    /// <param name="files">The files to fetch, or none for a whole model.</param>
    /// <param name="cancellation">Stops; what has arrived is kept for the next time.</param>
    /// <exception cref="InvalidDataException">There is no such model, revision or file, or it takes a token; the message says what to do.</exception>
    /// <exception cref="IOException">It can't be fetched, or the disk has not the room; the message says what to do.</exception>
    /// <exception cref="UnauthorizedAccessException">The cache folder may not be written.</exception>
    public async Task<PulledModel> RunAsync(HubModelName name, IReadOnlyCollection<string> files, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(files);
        if (_settings.IsOffline)
        {
            return FindOffline(name, files);
        }

        using HubClient client = new(_settings, _options);
        HubListing listing = await HubListing.FetchAsync(client, name, _observer.Noted, cancellation).ConfigureAwait(false);
        string commit = listing.Commit;
        IReadOnlyCollection<string> shards = [];
        if (HubFileSelection.Index(listing, files) is { } index)
        {
            // It says what else to fetch, so it comes first, and is not told of.
            HubFile file = await DescribeAsync(client, name, listing, index, cancellation).ConfigureAwait(false);
            if (file.ByteCount > LargestIndex)
            {
                throw HubErrors.Strange(_settings, $"'{index}' is {Size(file.ByteCount)} long");
            }

            if (!IsThere(name, commit, file, cancellation))
            {
                await FetchAsync(client, name, commit, file, new SilentObserver(_observer), cancellation).ConfigureAwait(false);
            }

            byte[] json = await File.ReadAllBytesAsync(_cache.FilePath(name, commit, index), cancellation).ConfigureAwait(false);
            shards = HubFileSelection.ReadIndex(name, index, json);
        }

        List<HubFile> chosen = [];
        foreach (string file in HubFileSelection.Choose(name, listing, files, shards))
        {
            chosen.Add(await DescribeAsync(client, name, listing, file, cancellation).ConfigureAwait(false));
        }

        HubFile[] missing = [.. chosen.Where(file => !IsThere(name, commit, file, cancellation))];
        _cache.Create(name);
        RequireRoom(name, missing);
        long total = chosen.Sum(file => file.ByteCount);
        _observer.Begun(chosen.Count, total - missing.Sum(file => file.ByteCount - DoneBytes(name, file)), total);
        await FetchAllAsync(client, name, commit, missing, cancellation).ConfigureAwait(false);
        _cache.WriteRef(name, commit);
        return new PulledModel(name, commit, _cache.SnapshotFolder(name, commit), [.. chosen.Select(file => (file.Name, file.ByteCount))], Interlocked.Read(ref _fetchedBytes));
    }

    private async Task FetchAllAsync(HubClient client, HubModelName name, string commit, HubFile[] missing, CancellationToken cancellation)
    {
        // Small files side by side; of a large one the pieces.
        bool IsSmall(HubFile file) => file.ByteCount <= _options.PieceLength(file.ByteCount);
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = _options.Connections, CancellationToken = cancellation };
        await Parallel.ForEachAsync(missing.Where(IsSmall), parallel, async (file, token) =>
            await FetchAsync(client, name, commit, file, _observer, token).ConfigureAwait(false)).ConfigureAwait(false);
        foreach (HubFile file in missing.Where(file => !IsSmall(file)))
        {
            await FetchAsync(client, name, commit, file, _observer, cancellation).ConfigureAwait(false);
        }
    }

    private async Task FetchAsync(HubClient client, HubModelName name, string commit, HubFile file, IHubObserver observer, CancellationToken cancellation)
    {
        long counted = DoneBytes(name, file);
        _cache.Create(name);
        using IDisposable held = await _cache.LockAsync(name, file, observer.Noted, cancellation).ConfigureAwait(false);
        // Another process, or another commit, may have brought it.
        if (_cache.Has(name, commit, file))
        {
            observer.Changed(file.ByteCount - counted);
            return;
        }

        if (_cache.HasBlob(name, file))
        {
            observer.Changed(file.ByteCount - counted);
        }
        else
        {
            FileDownload download = new(client, _options, name, commit, file, observer);
            try
            {
                await download.RunAsync(_cache.BlobPath(name, file.Hash), counted, cancellation).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Add(ref _fetchedBytes, download.FetchedBytes);
            }
        }

        _cache.Link(name, commit, file);
    }

    private async Task<HubFile> DescribeAsync(HubClient client, HubModelName name, HubListing listing, string file, CancellationToken cancellation)
    {
        HubFile known = listing.Files[file] ?? await client.DescribeAsync(name, listing.Commit, file, _observer.Noted, cancellation).ConfigureAwait(false);
        return known.ByteCount <= LargestFile ? known : throw HubErrors.Strange(_settings, $"'{file}' would be {Size(known.ByteCount)} long");
    }

    private bool IsThere(HubModelName name, string commit, HubFile file, CancellationToken cancellation)
    {
        if (!_cache.Has(name, commit, file))
        {
            return false;
        }

        if (!Verifies || file.IsContentOf(_cache.FilePath(name, commit, file.Name), read: null, cancellation))
        {
            return true;
        }

        _observer.Noted($"'{file.Name}' of '{name}' is damaged; fetching it again.");
        _cache.Remove(name, commit, file);
        return false;
    }

    private long DoneBytes(HubModelName name, HubFile file) =>
        _cache.HasBlob(name, file) ? file.ByteCount : FileDownload.DoneBytes(_cache.BlobPath(name, file.Hash), file);

    private void RequireRoom(HubModelName name, HubFile[] missing)
    {
        long needed = missing.Sum(file => file.ByteCount - DoneBytes(name, file));
        if (_options.FreeBytes(_settings.CacheFolder) is { } free && needed > free)
        {
            throw new IOException(
                $"'{name}' needs {Size(needed)} more on the disk with '{_settings.CacheFolder}', which has {Size(free)} free; free some space, or set HF_HOME to a folder on another disk.");
        }
    }

    private PulledModel FindOffline(HubModelName name, IReadOnlyCollection<string> files)
    {
        string folder = _cache.FindSnapshot(name) ?? throw HubErrors.NotThere(name, _settings);
        if (files.FirstOrDefault(file => !HubFileName.IsSafe(file) || !File.Exists(Path.Combine([folder, .. file.Split('/')]))) is { } absent)
        {
            throw new InvalidDataException($"'{absent}' of '{name}' is not in '{folder}', and HF_HUB_OFFLINE forbids to fetch it; unset that variable.");
        }

        IEnumerable<string> there = files.Count > 0 ? files
            : Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal);
        return new PulledModel(name, Path.GetFileName(folder), folder, [.. there.Select(file => (file, HubCache.LengthOf(Path.Combine(folder, file))))], FetchedBytes: 0);
    }

    private static string Size(long bytes) => bytes < 1_000_000 ? string.Create(CultureInfo.InvariantCulture, $"{bytes:N0} bytes")
        : bytes < 1_000_000_000 ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:N1} MB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:N1} GB");

    /// <summary>Passes on what is noted, but counts nothing.</summary>
    private sealed class SilentObserver(IHubObserver observer) : IHubObserver
    {
        public void Begun(int fileCount, long presentBytes, long totalBytes)
        {
        }

        public void Changed(long bytes)
        {
        }

        public void Noted(string message) => observer.Noted(message);
    }
}
