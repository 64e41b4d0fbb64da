using System.Security.Cryptography;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Training.Data;

/// <summary>A file of known content that is fetched once and kept.</summary>
/// <param name="Address">Where to fetch it.</param>
/// <param name="FileName">Its name in the cache folder.</param>
/// <param name="ByteCount">Its length; small enough to be held in memory.</param>
/// <param name="Sha256">Its SHA-256, in lower-case hexadecimal.</param>
internal sealed record CachedDownload(Uri Address, string FileName, int ByteCount, string Sha256)
{
    /// <summary>The file's bytes, from <paramref name="folder"/> or else from the network.</summary>
    /// <exception cref="IOException">The file can't be fetched; the message says why and what to do without the network.</exception>
    public async Task<byte[]> GetAsync(string folder, TimeSpan timeout, CancellationToken cancellation)
    {
        string path = Path.Combine(folder, FileName);
        bool isCached = File.Exists(path);
        if (isCached && new FileInfo(path).Length == ByteCount)
        {
            byte[] cached = await File.ReadAllBytesAsync(path, cancellation).ConfigureAwait(false);
            if (IsRight(cached))
            {
                return cached;
            }
        }

        byte[] fetched;
        try
        {
            fetched = await FetchAsync(timeout, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            string reason = e is OperationCanceledException ? $"no answer within {timeout.TotalSeconds:0} seconds" : e.Message.TrimEnd('.');
            string found = isCached ? $" (the file there now has not the right content, {ByteCount} bytes with SHA-256 {Sha256})" : "";
            throw new IOException(
                $"Could not fetch {Address}: {reason}; put that file at '{path}'{found} or train on a text of your own with --data FILE.", e);
        }

        Directory.CreateDirectory(folder);
        AtomicFile.Write(path, stream => stream.Write(fetched));
        return fetched;
    }

    private bool IsRight(byte[] bytes) =>
        bytes.Length == ByteCount && Convert.ToHexStringLower(SHA256.HashData(bytes)) == Sha256;

    private async Task<byte[]> FetchAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        // A proxy named in the environment can't reach this machine's own loopback address.
        using HttpClientHandler handler = new() { UseProxy = !Address.IsLoopback };
        using HttpClient client = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
        using HttpResponseMessage response =
            await client.GetAsync(Address, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
        response.EnsureSuccessStatusCode();
        using Stream stream = await response.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false);

        // One byte more than the file has, to notice a longer answer without reading all of it.
        byte[] bytes = new byte[ByteCount + 1];
        int length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, limit.Token).ConfigureAwait(false);
        if (length != ByteCount)
        {
            string found = length > ByteCount ? "more" : $"{length}";
            throw new IOException($"the answer has not the {ByteCount} bytes expected but {found}");
        }

        byte[] exact = bytes[..ByteCount];
        return IsRight(exact) ? exact : throw new IOException("the answer has not the content expected (its SHA-256 differs)");
    }
}
