using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Hub;

/// <summary>How hard a download tries.</summary>
internal sealed record DownloadOptions
{
    /// <summary>Requests at a time.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>What one request asks for: a 64th of the file within these bounds, in bytes.</summary>
    public (int Least, int Most) PieceBytes { get; init; } = (8 << 20, 64 << 20);

    /// <summary>How long a connection may say nothing.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Failures in a row, without a byte between them, after which a request is given up.</summary>
    public int Tries { get; init; } = 6;

    /// <summary>The wait after the first failure; it doubles with each further one.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait that a server may ask for before it is given up.</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a file that another process fetches is looked at.</summary>
    public TimeSpan LockInterval { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The free bytes of the disk that holds a folder, or null where that is unknown.</summary>
    public Func<string, long?> FreeBytes { get; init; } = DiskSpace.FreeBytes;

    /// <summary>Makes a symbolic link at the first path, to the second.</summary>
    public Action<string, string> CreateLink { get; init; } = static (path, target) => File.CreateSymbolicLink(path, target);

    /// <summary>The wait after so many failures in a row.</summary>
    public TimeSpan Delay(int failures) => FirstDelay * Math.Min(1 << Math.Min(failures - 1, 10), 30);

    /// <summary>The length of the pieces of a file.</summary>
    public int PieceLength(long byteCount) => (int)Math.Clamp((byteCount + 63) / 64, PieceBytes.Least, PieceBytes.Most);
}
