using System.Net;
using System.Net.Http.Headers;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;
using Quatrain.Models.Checkpoints;

namespace Quatrain.Models.Hub;

/// <summary>
/// Fetches one file by several requests at a time, each for a piece of it, and goes on where an earlier download stopped. The file is whole and its checksum right
/// before anything takes it for what it should be.
/// </summary>
/// <param name="client">The way to the hub.</param>
/// <param name="options">Connections and patience.</param>
/// <param name="name">The model.</param>
/// <param name="commit">The commit that the file is of.</param>
/// <param name="file">The file.</param>
/// <param name="observer">Is told of the bytes that arrive.</param>
internal sealed class FileDownload(HubClient client, DownloadOptions options, HubModelName name, string commit, HubFile file, IHubObserver observer)
{
    private const int BufferSize = 1 << 17;
    private const int FairProgress = 1 << 16;

    private readonly string _what = $"'{file.Name}' of '{name}'";
    private readonly Uri _address = client.FileAddress(name, commit, file.Name);
    private long _fetchedBytes;
    private string? _tag;
    private bool _ignoresTags;
    private bool _isWhole;

    /// <summary>The bytes of content that came over the network.</summary>
    public long FetchedBytes => Interlocked.Read(ref _fetchedBytes);

    /// <summary>The unfinished file beside <paramref name="path"/>. Not the name that other tools give theirs, which they take to have no gaps.</summary>
    public static string PartPath(string path) => path + ".quatrain.incomplete";

    /// <summary>The record beside it.</summary>
    public static string RecordPath(string path) => path + ".quatrain.pieces";

    /// <summary>The bytes of <paramref name="file"/> that an earlier download to <paramref name="path"/> left.</summary>
    public static long DoneBytes(string path, HubFile file) =>
        File.Exists(PartPath(path)) ? PieceRecord.PeekDoneBytes(RecordPath(path), file.ByteCount) : 0;

    /// <summary>Puts the file at <paramref name="path"/>.</summary>
    /// <param name="path">Where to put it; replaced if it exists.</param>
    /// <param name="countedBytes">The bytes of it that the observer takes to be there.</param>
    /// <param name="cancellation">Stops; what has arrived is kept for the next time.</param>
    /// <exception cref="IOException">The file can't be fetched, has another content than the hub said, or the disk is full.</exception>
    public async Task RunAsync(string path, long countedBytes, CancellationToken cancellation)
    {
        try
        {
            bool wasResumed = await FetchAsync(path, countedBytes, isFresh: false, cancellation).ConfigureAwait(false);
            bool isRight = IsRight(path, cancellation);
            if (!isRight && wasResumed)
            {
                observer.Noted($"What an earlier download left of {_what} does not fit the rest; fetching all of it again.");
                await FetchAsync(path, file.ByteCount, isFresh: true, cancellation).ConfigureAwait(false);
                isRight = IsRight(path, cancellation);
            }

            if (!isRight)
            {
                File.Delete(RecordPath(path));
                File.Delete(PartPath(path));
                observer.Changed(-file.ByteCount);
                throw new IOException(
                    $"What {client.Settings.Endpoint.Authority} sent for {_what} has not the checksum {file.Hash} that it announced, so it was deleted; try again, or check HF_ENDPOINT and the proxy.");
            }

            File.Move(PartPath(path), path, overwrite: true);
            File.Delete(RecordPath(path));
        }
        catch (IOException error) when (DiskSpace.IsFull(error))
        {
            throw new IOException($"The disk with '{Path.GetDirectoryName(path)}' is full; free some space and run the same command again, which goes on from where it stopped.", error);
        }
    }

    private bool IsRight(string path, CancellationToken cancellation) => file.IsContentOf(PartPath(path), read: null, cancellation);

    /// <returns>Whether some of it was there before.</returns>
    private async Task<bool> FetchAsync(string path, long countedBytes, bool isFresh, CancellationToken cancellation)
    {
        bool hasPart = File.Exists(PartPath(path)) && new FileInfo(PartPath(path)).Length == file.ByteCount;
        using SafeFileHandle part = File.OpenHandle(PartPath(path), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, FileOptions.Asynchronous);
        RandomAccess.SetLength(part, file.ByteCount);
        using PieceRecord record = PieceRecord.Open(RecordPath(path), file.ByteCount, options.PieceLength(file.ByteCount), isFresh || !hasPart);
        bool wasResumed = record.DoneBytes > 0;
        observer.Changed(record.DoneBytes - countedBytes);
        while (true)
        {
            try
            {
                await (_isWhole ? FetchWholeAsync(part, record, cancellation) : FetchPiecesAsync(part, record, cancellation)).ConfigureAwait(false);
                RandomAccess.FlushToDisk(part);
                return wasResumed;
            }
            catch (RangeIgnoredException)
            {
                _isWhole = true;
            }
            catch (ContentChangedException)
            {
                // Once more from the beginning, and then let the checksum decide: servers of one file may differ in their tags.
                observer.Noted($"{_what} changed while it was fetched; fetching it again.");
                Forget(record);
                (_tag, _ignoresTags, wasResumed) = (null, true, false);
            }
        }
    }

    private async Task FetchPiecesAsync(SafeFileHandle part, PieceRecord record, CancellationToken cancellation)
    {
        int[] pieces = [.. Enumerable.Range(0, record.PieceCount).Where(piece => record.Done(piece) < record.Length(piece))];
        int next = -1;
        // The first answer shows whether the server gives parts at all; the other connections wait for it.
        TaskCompletionSource accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Exception? failure = null;
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);

        async Task WorkAsync(bool isFirst)
        {
            try
            {
                if (!isFirst)
                {
                    await accepted.Task.WaitAsync(stop.Token).ConfigureAwait(false);
                }

                for (int i = Interlocked.Increment(ref next); i < pieces.Length; i = Interlocked.Increment(ref next))
                {
                    await FetchPieceAsync(part, record, pieces[i], accepted, stop.Token).ConfigureAwait(false);
                }
            }
            catch (Exception error)
            {
                // The first failure is the one to tell; those that follow from stopping the others are not.
                Interlocked.CompareExchange(ref failure, error, null);
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }

        int workers = Math.Min(options.Connections, pieces.Length);
        await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => WorkAsync(worker == 0))).ConfigureAwait(false);
        if (failure is not null)
        {
            cancellation.ThrowIfCancellationRequested();
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private async Task FetchPieceAsync(SafeFileHandle part, PieceRecord record, int piece, TaskCompletionSource accepted, CancellationToken cancellation)
    {
        int failures = 0;
        while (record.Done(piece) < record.Length(piece))
        {
            int before = record.Done(piece);
            try
            {
                await StreamAsync(part, record, record.Start(piece) + before, record.Start(piece) + record.Length(piece), accepted, cancellation).ConfigureAwait(false);
            }
            catch (TransientException error)
            {
                // A byte now and then is no progress.
                failures = record.Done(piece) - before >= Math.Min(FairProgress, record.Length(piece) / 8 + 1) ? 1 : failures + 1;
                await client.DelayAsync(error, failures, _what, observer.Noted, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>From a server that gives no parts, all of it at once, from the beginning each time.</summary>
    private async Task FetchWholeAsync(SafeFileHandle part, PieceRecord record, CancellationToken cancellation)
    {
        long most = 0;
        for (int failures = 0; ;)
        {
            Forget(record);
            try
            {
                await StreamAsync(part, record, 0, file.ByteCount, accepted: null, cancellation).ConfigureAwait(false);
                return;
            }
            catch (TransientException error)
            {
                failures = record.DoneBytes - most >= FairProgress ? 1 : failures + 1;
                most = Math.Max(most, record.DoneBytes);
                await client.DelayAsync(error, failures, _what, observer.Noted, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>One request for the bytes from <paramref name="start"/> up to <paramref name="end"/>; the answer may have fewer of them.</summary>
    private async Task StreamAsync(SafeFileHandle part, PieceRecord record, long start, long end, TaskCompletionSource? accepted, CancellationToken cancellation)
    {
        bool isAll = start == 0 && end == file.ByteCount;
        using HttpResponseMessage response = await client.SendAsync(() => Request(start, end, isAll), name, file.Name, cancellation).ConfigureAwait(false);
        CheckTag(response);
        if (response.StatusCode != HttpStatusCode.PartialContent && !isAll)
        {
            throw new RangeIgnoredException();
        }

        long position = start, limit = response.StatusCode == HttpStatusCode.PartialContent ? CheckRange(response, start, end) : CheckLength(response, start, end);
        accepted?.TrySetResult();
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        byte[] buffer = new byte[(int)Math.Min(BufferSize, Math.Max(1, limit - start))];
        while (position < limit)
        {
            int count = await client.ReadAsync(stream, buffer.AsMemory(0, (int)Math.Min(buffer.Length, limit - position)), cancellation).ConfigureAwait(false);
            if (count == 0)
            {
                throw new TransientException("the connection was cut");
            }

            RandomAccess.Write(part, buffer.AsSpan(0, count), position);
            record.Advance(position, count);
            position += count;
            Interlocked.Add(ref _fetchedBytes, count);
            observer.Changed(count);
        }
    }

    private HttpRequestMessage Request(long start, long end, bool isAll)
    {
        HttpRequestMessage request = new(HttpMethod.Get, _address);
        if (!isAll)
        {
            request.Headers.Range = new RangeHeaderValue(start, end - 1);
            if (Volatile.Read(ref _tag) is { } tag && !_ignoresTags)
            {
                request.Headers.IfRange = new RangeConditionHeaderValue(tag);
            }
        }

        return request;
    }

    private void CheckTag(HttpResponseMessage response)
    {
        if (_ignoresTags || response.Headers.ETag is not { IsWeak: false } tag)
        {
            return;
        }

        if (Interlocked.CompareExchange(ref _tag, tag.Tag, null) is { } known && known != tag.Tag)
        {
            throw new ContentChangedException();
        }
    }

    private long CheckRange(HttpResponseMessage response, long start, long end)
    {
        ContentRangeHeaderValue? range = response.Content.Headers.ContentRange;
        bool isAsked = range is { Unit: "bytes" } && range.From == start && range.To >= start && range.To < end && (!range.HasLength || range.Length == file.ByteCount);
        return isAsked ? CheckLength(response, start, range!.To!.Value + 1) : throw new TransientException("the server sent another part than it was asked for");
    }

    private static long CheckLength(HttpResponseMessage response, long start, long end)
    {
        HttpContentHeaders headers = response.Content.Headers;
        bool isRight = (headers.ContentLength is null || headers.ContentLength == end - start) && headers.ContentEncoding.Count == 0;
        return isRight ? end : throw new TransientException("the server announced another length than the file has");
    }

    private void Forget(PieceRecord record)
    {
        observer.Changed(-record.DoneBytes);
        record.Clear();
    }

    private sealed class RangeIgnoredException : Exception;

    private sealed class ContentChangedException : Exception;
}
