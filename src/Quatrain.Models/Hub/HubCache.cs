using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Hub;

/// <summary>
/// The folder of pulled models, laid out as Hugging Face's tools do: <c>models--OWNER--NAME</c> with <c>blobs/HASH</c>, <c>refs/REVISION</c> and
/// <c>snapshots/COMMIT/FILE</c>, which links to a blob; <c>.locks</c> keeps two processes from fetching one blob.
/// </summary>
internal sealed class HubCache(string root, DownloadOptions options)
{
    private const string FolderPrefix = "models--";
    private const int LongestRef = 64;

    // EWOULDBLOCK of Linux and macOS, and the HRESULT of ERROR_SHARING_VIOLATION.
    private const int HeldLinux = 11;
    private const int HeldMac = 35;
    private const int HeldWindows = unchecked((int)0x80070020);

    /// <summary>The folder with the files of a commit.</summary>
    public string SnapshotFolder(HubModelName name, string commit) => Path.Combine(ModelFolder(name.Repository), "snapshots", commit);

    /// <summary>Where a file of a commit is found.</summary>
    public string FilePath(HubModelName name, string commit, string file) => Path.Combine([SnapshotFolder(name, commit), .. file.Split('/')]);

    /// <summary>Where the content of a file is kept.</summary>
    public string BlobPath(HubModelName name, string hash) => Path.Combine(ModelFolder(name.Repository), "blobs", hash);

    /// <summary>The folder of the revision that was pulled last, or null. For a short name, also what older tools keep without an owner.</summary>
    public string? FindSnapshot(HubModelName name)
    {
        foreach (string repository in (string[])[name.Repository, name.Text])
        {
            string folder = ModelFolder(repository);
            string? commit = HubFile.IsCommit(name.Revision) ? name.Revision : ReadRef(folder, name.Revision);
            if (commit is not null && Path.Combine(folder, "snapshots", commit) is string snapshot && Directory.Exists(snapshot))
            {
                return snapshot;
            }
        }

        return null;
    }

    /// <summary>The models that were pulled, OWNER/NAME each.</summary>
    public IEnumerable<string> Repositories() => Directory.Exists(root)
        ? Directory.EnumerateDirectories(root, FolderPrefix + "*").Select(folder => Path.GetFileName(folder)[FolderPrefix.Length..].Replace("--", "/", StringComparison.Ordinal))
        : [];

    /// <summary>Whether the commit's folder has the file, in its full length.</summary>
    public bool Has(HubModelName name, string commit, HubFile file) => LengthOf(FilePath(name, commit, file.Name)) == file.ByteCount;

    /// <summary>Whether its content is there, in its full length, perhaps from another commit.</summary>
    public bool HasBlob(HubModelName name, HubFile file) => LengthOf(BlobPath(name, file.Hash)) == file.ByteCount;

    /// <summary>Makes the file of the commit from its blob: a link, or where the system makes none, the blob itself.</summary>
    public void Link(HubModelName name, string commit, HubFile file)
    {
        string path = FilePath(name, commit, file.Name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string blob = BlobPath(name, file.Hash);
        string target = Path.GetRelativePath(Path.GetDirectoryName(path)!, blob);
        string link = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            options.CreateLink(link, target);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            File.Move(blob, path, overwrite: true);
            return;
        }

        File.Move(link, path, overwrite: true);
    }

    /// <summary>Removes a file and its content.</summary>
    public void Remove(HubModelName name, string commit, HubFile file)
    {
        File.Delete(FilePath(name, commit, file.Name));
        File.Delete(BlobPath(name, file.Hash));
    }

    /// <summary>Notes which commit the revision is.</summary>
    public void WriteRef(HubModelName name, string commit)
    {
        if (name.Revision == commit)
        {
            return;
        }

        string path = RefPath(ModelFolder(name.Repository), name.Revision);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.WriteText(path, commit);
    }

    /// <summary>Makes the folders of a model.</summary>
    public void Create(HubModelName name) => Directory.CreateDirectory(Path.Combine(ModelFolder(name.Repository), "blobs"));

    /// <summary>Waits until no other process fetches the blob.</summary>
    /// <returns>Lets others fetch it again when it is disposed.</returns>
    public async Task<IDisposable> LockAsync(HubModelName name, HubFile file, Action<string> note, CancellationToken cancellation)
    {
        // The same files that Hugging Face's tools lock, and on Unix in the same way, by flock.
        string path = Path.Combine(root, ".locks", FolderName(name.Repository), file.Hash + ".lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        for (bool isFirst = true; ; isFirst = false)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException error) when (error.HResult is HeldLinux or HeldMac or HeldWindows)
            {
                if (isFirst)
                {
                    note($"Another process is fetching '{file.Name}' of '{name}'; waiting for it.");
                }

                await Task.Delay(options.LockInterval, cancellation).ConfigureAwait(false);
            }
        }
    }

    private string ModelFolder(string repository) => Path.Combine(root, FolderName(repository));

    private static string FolderName(string repository) => FolderPrefix + repository.Replace("/", "--", StringComparison.Ordinal);

    private static string RefPath(string folder, string revision) => Path.Combine([folder, "refs", .. revision.Split('/')]);

    private static string? ReadRef(string folder, string revision)
    {
        string path = RefPath(folder, revision);
        if (!File.Exists(path))
        {
            return null;
        }

        using StreamReader reader = new(path);
        char[] text = new char[LongestRef];
        string commit = new string(text, 0, reader.ReadBlock(text)).Trim();
        return HubFile.IsCommit(commit) ? commit : null;
    }

    // Of what a link leads to, not of the link.
    internal static long LengthOf(string path)
    {
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return stream.Length;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return -1;
        }
    }
}
